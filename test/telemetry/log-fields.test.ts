/** The fields of the log's lines, as the code has them, beside their list in docs/operations.md. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { type AnyNode, type ObjectExpression, parse } from 'acorn';
import { read } from '../support/documents.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

const LIB = 'dist/lib';
/** Names of an event, whole or to be completed. */
const EVENT = /^[a-z]+\.[a-z-]*$/;

function nodesOf(source: string): AnyNode[] {
  const nodes: AnyNode[] = [parse(source, { ecmaVersion: 'latest', sourceType: 'module' })];
  for (const node of nodes) {
    for (const value of Object.values(node).flat()) {
      if (typeof value === 'object' && value !== null && 'type' in value) nodes.push(value as AnyNode);
    }
  }
  return nodes;
}

function keysOf(object: ObjectExpression): string[] {
  return object.properties.flatMap((property) => {
    if (property.type === 'Property') return property.key.type === 'Identifier' ? [property.key.name] : [];
    return property.argument.type === 'ObjectExpression' ? keysOf(property.argument) : [];
  });
}

function eventOf(node: AnyNode | undefined): string {
  if (node?.type === 'TemplateLiteral') return node.quasis[0]?.value.raw ?? '';
  return node?.type === 'Literal' ? String(node.value) : '';
}

/** What is written beside an event's name, or as `fields`; what comes by a variable is not seen. */
function fieldsIn(source: string): string[] {
  return nodesOf(source).flatMap((node) => {
    if (node.type === 'CallExpression') {
      const [, fields] = node.arguments.slice(node.arguments.findIndex((argument) => EVENT.test(eventOf(argument))));
      const isLine = node.arguments.some((argument) => EVENT.test(eventOf(argument)));
      return isLine && fields?.type === 'ObjectExpression' ? keysOf(fields) : [];
    }
    const isFields = node.type === 'Property' && node.key.type === 'Identifier' && node.key.name === 'fields';
    return isFields && node.value.type === 'ObjectExpression' ? keysOf(node.value) : [];
  });
}

it('docs/operations.md explains every field of the log, and none that there is not', () => {
  const sources = readdirSync(join(PACKAGE_ROOT, LIB), { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(service|telemetry|kafka|cli|pool)\/.*\.js$/.test(path))
    .map((path) => read(join(LIB, path)));
  const [, list = ''] = /<!-- log fields -->([\s\S]*)<!-- end of log fields -->/.exec(read('docs/operations.md')) ?? [];
  const rows = list.match(/^\| `\w+`/gm) ?? [];
  const documented = rows.map((row) => row.slice(3, -1));
  assert.equal(new Set(documented).size, documented.length);
  const used = new Set(sources.flatMap(fieldsIn));
  assert.ok(used.size > 40);
  assert.deepEqual([...used].filter((name) => !documented.includes(name)).sort(), []);
  const all = sources.join('\n');
  assert.deepEqual(
    documented.filter((name) => !new RegExp(`\\b${name}\\b`).test(all)),
    [],
  );
});
