import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHead } from '../../../lib/worker/launch/prefork/interpreter.js';

/** First lines as tools and people write them. */
const HEADS: readonly (readonly [head: string, file: string | null, ...args: string[]])[] = [
  ['#!/opt/venv/bin/python\nimport sys', '/opt/venv/bin/python'],
  ['#!/usr/bin/python3.11 -I\n', '/usr/bin/python3.11', '-I'],
  ['#! /usr/bin/python3.13t\n', '/usr/bin/python3.13t'],
  ['#!/usr/bin/env python3\n', 'python3'],
  ['#!/usr/bin/env -S python3 -u -I\n', 'python3', '-u', '-I'],
  ["#!/bin/sh\n'''exec' /very/long/bin/python3 \"$0\" \"$@\"\n' '''\n", '/very/long/bin/python3'],
  ["#!/bin/sh\n'''exec' \"/with a space/bin/python3\" \"$0\" \"$@\"\n' '''\n", '/with a space/bin/python3'],
  [
    "#!/bin/sh\n'''exec' \"/with a space/bin/python3\" -I -s \"$0\" \"$@\"\n' '''\n",
    '/with a space/bin/python3',
    '-I',
    '-s',
  ],
  ['#!/bin/sh\nexec python3 -m as_cli "$@"\n', null],
  ["#!/bin/sh\n'''exec' \"$HOME/bin/python3\" \"$0\" \"$@\"\n' '''\n", null],
  ['#!/usr/bin/env node\n', null],
  ['#!/usr/bin/env -i python3\n', null],
  ['#!/usr/bin/env -S A=1 python3\n', null],
  ['#!/usr/bin/ruby\n', null],
  ['\u007fELF', null],
  ['', null],
  ['#!', null],
];

describe('the interpreter of a script', () => {
  for (const [head, file, ...args] of HEADS) {
    it(`is ${file ?? 'no Python'}: ${JSON.stringify(head).slice(0, 70)}`, () => {
      const found = parseHead(head);
      if (file === null) assert.ok('reason' in found, JSON.stringify(found));
      else assert.deepEqual(found, { file, args });
    });
  }
});
