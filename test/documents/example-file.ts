/**
 * `etc/atd-ingestion.yaml`: every setting as a comment, with its meaning, limits, variables and default. Only the names of the
 * groups are no comments, so that setting a value means to take away one `#`: a group may be without entries.
 */
import { stringify } from 'yaml';
import { HEADINGS, isSetting, SETTINGS, type Setting, type SettingGroup } from '../../lib/config/schema.js';
import { limitsOf, variablesOf } from './setting-facts.js';

const WIDTH = 120;
const MIB = 1024 * 1024;

const INTRODUCTION = [
  'ATD Ingestion: every setting, as a comment that shows its default. To set one, take away the # right before its name and ' +
    'change the value. The lines that name a group (kafka:) stay as they are, whether or not something in it is set.',
  'What stays a comment has the default of the installed version; a copy of this file need not be touched when a default ' +
    'changes. It may be cut down to what differs, or be left out altogether.',
  'Precedence: default < this file < environment < argument. A list in a variable is written with commas: ' +
    'ATD_KAFKA_BOOTSTRAP_SERVERS=a:9092,b:9092.',
  'To check a file before a restart or a reload: atd-ingestion check-config --config FILE. A reload (SIGHUP, systemctl reload) ' +
    'takes over the settings that say so; all others need a restart.',
  'Made by `npm run docs` from lib/config/schema.ts.',
];

/** @throws Error when a group has no heading */
export function exampleFile(
  settings: SettingGroup = SETTINGS,
  headings: Readonly<Record<string, string>> = HEADINGS,
): string {
  const introduction = INTRODUCTION.flatMap((paragraph) => ['#', ...comment(paragraph, '')]).slice(1);
  return `${[...introduction, ...groupLines(settings, headings, '')].join('\n')}\n`;
}

/** The lines of a group's entries; each entry begins with an empty line. */
function groupLines(group: SettingGroup, headings: Readonly<Record<string, string>>, prefix: string): string[] {
  const indent = '  '.repeat(prefix.split('.').length - 1);
  return Object.entries(group).flatMap(([name, entry]) => {
    const key = `${prefix}${name}`;
    const heading = headings[key];
    if (isSetting(entry)) {
      const above = heading === undefined ? [] : ['', ...comment(`--- ${heading}`, indent)];
      return [...above, '', ...settingLines(key, entry, indent)];
    }
    if (heading === undefined) throw new Error(`lib/config/schema.ts: HEADINGS has no text for the group ${key}`);
    const title = prefix === '' ? `--- ${heading}` : heading;
    const [_blank, ...entries] = groupLines(entry, headings, `${key}.`);
    return ['', ...comment(title, indent), `${indent}${name}:`, ...entries];
  });
}

function settingLines(key: string, setting: Setting, indent: string): string[] {
  const name = key.slice(key.lastIndexOf('.') + 1);
  const facts = [limitsOf(setting), `variable: ${variablesOf(key, setting).join(' or ')}`];
  if (setting.reloadable) facts.push('taken over by a reload');
  if (setting.sensitive) facts.push(`better by the variable or by ${name}_file than in this file`);
  return [
    ...comment(setting.doc, indent),
    ...comment(
      facts
        .filter((fact) => fact !== '')
        .map(toSentence)
        .join(' '),
      indent,
    ),
    ...valueLines(name, setting.default, `${indent}#`),
  ];
}

function toSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** On one line, or a list that is too long for that with an item on each. */
function valueLines(name: string, value: unknown, indent: string): string[] {
  const line = `${indent}${name}: ${yamlOf(value)}`;
  if (Array.isArray(value) && line.length > WIDTH) {
    return [`${name}:`, ...value.map((item) => `- ${yamlOf(item)}`)].map((part) => `${indent}${part}`);
  }
  const isWholeMib = name.endsWith('_bytes') && typeof value === 'number' && value % MIB === 0;
  return [isWholeMib ? `${line} # ${value / MIB} MiB` : line];
}

function yamlOf(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();
}

/** The text as comment lines, broken between words. */
function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && `${indent}# ${line} ${word}`.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((content) => `${indent}# ${content}`);
}
