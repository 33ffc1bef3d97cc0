/**
 * A program of the benchmark: a process of its own, so that what it costs is its own and its heap is fresh. It is asked a
 * question over Node's channel between processes and answers it.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from '../../support/service-process.js';

type Answer = { readonly answer: unknown } | { readonly error: string };

export interface Program<Question, Result> {
  ask(question: Question): Promise<Result>;
}

/** `name` is a file beside this one. */
export function startProgram<Question, Result>(scope: Cleanup, name: string): Program<Question, Result> {
  const child = fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), { stdio: 'inherit' });
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`the program ${name} ended (${code ?? signal})`)));
    child.once('error', reject);
  });
  ended.catch(() => undefined);
  scope.after(() => {
    child.kill('SIGKILL');
    return ended.catch(() => undefined);
  });
  return {
    ask: async (question) => {
      const answer = new Promise<Answer>((resolve) => {
        child.once('message', (message) => resolve(message as Answer));
      });
      child.send({ question });
      const given = await Promise.race([answer, ended]);
      if ('error' in given) throw new Error(given.error);
      return given.answer as Result;
    },
  };
}

/** Of the program: answers each question. */
export function answer<Question, Result>(give: (question: Question) => Promise<Result>): void {
  process.on('message', async ({ question }: { readonly question: Question }) => {
    const reply: Answer = await give(question).then(
      (result) => ({ answer: result }),
      (error: unknown) => ({ error: String(error) }),
    );
    process.send?.(reply);
  });
}
