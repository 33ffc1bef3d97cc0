/** What can be changed in a source so that a test should notice: each change alone, as text in the place of text. */
import { type AnyNode, parse } from 'acorn';

export interface Mutation {
  /** Offsets of what is replaced, in characters. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** The function, method or property in which it is; empty outside of all. */
  readonly within: string;
}

type Text = (node: AnyNode) => string;
type Change = readonly [node: { readonly start: number; readonly end: number }, replacement: string];

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '**': ['*'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
  '&': ['|'],
  '|': ['&'],
  '^': ['&'],
  '+=': ['-='],
  '-=': ['+='],
  '*=': ['/='],
  '/=': ['*='],
  '|=': ['&='],
  '&=': ['|='],
  '^=': ['&='],
  '<<=': ['>>='],
  '>>=': ['<<='],
  '>>>=': ['<<='],
  '??=': ['='],
  '||=': ['='],
  '&&=': ['='],
  '++': ['--'],
  '--': ['++'],
};

const METHODS: Readonly<Record<string, string>> = {
  min: 'max',
  max: 'min',
  ceil: 'floor',
  floor: 'ceil',
  some: 'every',
  every: 'some',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
  indexOf: 'lastIndexOf',
  lastIndexOf: 'indexOf',
  find: 'findLast',
  push: 'unshift',
};

/** Methods without which the value that they are called on would stay as it is. */
const REFINEMENTS = new Set([
  'filter',
  'slice',
  'subarray',
  'sort',
  'toSorted',
  'reverse',
  'toReversed',
  'trim',
  'trimEnd',
]);

/** Numbers above it are not counts: one more of them makes no difference that a test could want to see. */
const MAX_COUNT = 255;

/** @param source an ES module without types, as the compiler emits it */
export function mutationsOf(source: string): Mutation[] {
  const text: Text = ({ start, end }) => source.slice(start, end);
  const found = new Map<string, Mutation>();
  const visit = (node: AnyNode, around: string): void => {
    if (node.type === 'ImportDeclaration') return;
    const within = nameOf(node, text) ?? around;
    for (const [{ start, end }, replacement] of changesOf(node, text)) {
      if (source.slice(start, end) !== replacement) {
        found.set(`${start} ${end} ${replacement}`, { start, end, replacement, within });
      }
    }
    for (const child of childrenOf(node)) visit(child, within);
  };
  visit(parse(source, { ecmaVersion: 'latest', sourceType: 'module' }), '');
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

function nameOf(node: AnyNode, text: Text): string | null {
  if (node.type === 'FunctionDeclaration') return node.id === null ? null : text(node.id);
  return node.type === 'MethodDefinition' || node.type === 'PropertyDefinition' ? text(node.key) : null;
}

function childrenOf(node: AnyNode): AnyNode[] {
  return Object.values(node)
    .flat()
    .filter((value): value is AnyNode => typeof value === 'object' && value !== null && 'type' in value);
}

function changesOf(node: AnyNode, text: Text): Change[] {
  switch (node.type) {
    case 'BinaryExpression':
      if (node.operator === '+' && isText(node)) return [];
      return withOperators(node.operator, node, (operator) => `${text(node.left)} ${operator} ${text(node.right)}`);
    case 'AssignmentExpression':
      return withOperators(node.operator, node, (operator) => `${text(node.left)} ${operator} ${text(node.right)}`);
    case 'UpdateExpression':
      return withOperators(node.operator, node, (operator) =>
        node.prefix ? operator + text(node.argument) : text(node.argument) + operator,
      );
    case 'LogicalExpression':
      return [
        [node, text(node.left)],
        [node, text(node.right)],
      ];
    case 'UnaryExpression':
      return ['!', '-', '~'].includes(node.operator) ? [[node, text(node.argument)]] : [];
    case 'IfStatement':
    case 'ConditionalExpression':
      return [
        [node.test, 'true'],
        [node.test, 'false'],
      ];
    case 'WhileStatement':
    case 'DoWhileStatement':
      return [[node.test, 'false']];
    case 'ForStatement':
      return node.test ? [[node.test, 'false']] : [];
    case 'CallExpression':
      return ofCall(node, text);
    case 'ReturnStatement':
      if (!node.argument) return [[node, ';']];
      return isNothing(node.argument) ? [] : [[node.argument, 'undefined']];
    case 'ArrowFunctionExpression':
      return node.body.type === 'CallExpression' ? [[node.body, 'undefined']] : [];
    case 'ExpressionStatement':
      return node.directive === undefined ? [[node, ';']] : [];
    case 'ContinueStatement':
    case 'BreakStatement':
    case 'ThrowStatement':
      return [[node, ';']];
    case 'ArrayExpression':
      return node.elements.length > 0 ? [[node, '[]']] : [];
    case 'Literal':
      return ofLiteral(node, text);
    default:
      return [];
  }
}

function withOperators(operator: string, node: AnyNode, written: (operator: string) => string): Change[] {
  return (OPERATORS[operator] ?? []).map((other) => [node, written(other)]);
}

function ofCall(node: AnyNode & { type: 'CallExpression' }, text: Text): Change[] {
  const { callee } = node;
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return [];
  const { name } = callee.property;
  if (REFINEMENTS.has(name)) return [[node, text(callee.object)]];
  const other = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  return other === undefined ? [] : [[callee.property, other]];
}

function ofLiteral(node: AnyNode & { type: 'Literal' }, text: Text): Change[] {
  if (typeof node.value === 'boolean') return [[node, String(!node.value)]];
  if (node.regex)
    return withoutAnchors(node.regex.pattern).map((pattern) => [node, `/${pattern}/${node.regex?.flags}`]);
  if (typeof node.value !== 'number') return [];
  if (!Number.isInteger(node.value)) return [[node, String(Math.ceil(node.value))]];
  if (node.value > MAX_COUNT) return [[node, `2 * ${text(node)}`]];
  return [[node, String(node.value + 1)]];
}

function withoutAnchors(pattern: string): string[] {
  return [
    ...(pattern.startsWith('^') ? [pattern.slice(1)] : []),
    ...(pattern.endsWith('$') && !pattern.endsWith('\\$') ? [pattern.slice(0, -1)] : []),
  ].filter((changed) => changed !== '');
}

/** Of a sum too: what is added to a text is text. */
function isText(node: AnyNode): boolean {
  if (node.type === 'BinaryExpression') return [node.left, node.right].some(isText);
  return node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string');
}

function isNothing(node: AnyNode): boolean {
  return node.type === 'Literal' ? node.value === null : node.type === 'Identifier' && node.name === 'undefined';
}
