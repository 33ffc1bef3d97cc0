import assert from 'node:assert/strict';
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { runCli, temporaryDirectory } from '../support/cli.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

describe('atd-ingestion check-config', () => {
  it('shows the settings that would hold, as YAML and with secrets masked', async (t) => {
    const file = join(temporaryDirectory(t), 'atd.yaml');
    writeFileSync(
      file,
      'kafka: { topic: mine, sasl: { mechanism: plain, username: me } }\nclickhouse: { password: hunter2 }\n',
    );
    const { code, stdout, stderr } = await runCli(['check-config', '--config', file], {
      ATD_KAFKA_SASL_PASSWORD: 'hunter3',
      ATD_THREAD_POOL_SIZE: '7',
    });
    assert.deepEqual([code, stderr], [0, '']);
    assert.doesNotMatch(stdout, /hunter/);
    const shown = parse(stdout) as Record<string, Record<string, unknown>>;
    assert.equal(shown['kafka']?.['topic'], 'mine');
    assert.equal(shown['thread_pool_size'], 7);
    assert.equal(shown['clickhouse']?.['password'], '(set)');
    assert.match(stdout, /^# loader: .*bin\/as-cli \(bundled\)$/m);
    assert.match(stdout, /# the configuration is valid\n$/);
  });

  it('takes a file that sets nothing: the defaults hold', async (t) => {
    const file = join(temporaryDirectory(t), 'atd.yaml');
    writeFileSync(file, '# Nothing is set.\n#thread_pool_size: 2\n');
    const { code, stdout } = await runCli(['check-config']);
    assert.equal(code, 0);
    assert.deepEqual(await runCli(['check-config', '--config', file]), { code: 0, stdout, stderr: '' });
    const example = join(PACKAGE_ROOT, 'etc/atd-ingestion.yaml');
    assert.deepEqual(await runCli(['check-config', '--config', example]), { code: 0, stdout, stderr: '' });
  });

  it('takes the file that ATD_CONFIG names, unless the argument names one', async (t) => {
    const directory = temporaryDirectory(t);
    const [one, other] = ['one', 'other'].map((name) => join(directory, `${name}.yaml`)) as [string, string];
    writeFileSync(one, 'kafka: { topic: one }');
    writeFileSync(other, 'kafka: { topic: other }');
    const env = { ATD_CONFIG: one };
    assert.match((await runCli(['check-config'], env)).stdout, /topic: one$/m);
    assert.match((await runCli(['check-config', '-c', other], env)).stdout, /topic: other$/m);
    assert.match((await runCli(['check-config', '--topic', 'argument'], env)).stdout, /topic: argument$/m);
  });

  it('refuses a schema that is none, a log that is a directory, and a loader that is no program', async (t) => {
    const directory = temporaryDirectory(t);
    const schema = join(directory, 'schema.json');
    writeFileSync(schema, 'time: DateTime\n');
    const env = { ATD_SCHEMA_FILE: schema, ATD_LOG_FILE: directory };
    const { code, stderr } = await runCli(['check-config'], env);
    assert.equal(code, 78);
    assert.match(stderr, /schema_file \S+schema\.json cannot be used: it is no JSON; name a JSON file/);
    assert.match(stderr, /log_file \S+ cannot be used: it is a directory; name a file in it/);
    const { stderr: ofRoots } = await runCli(['check-config'], { ATD_INGEST_ALLOWED_ROOTS: schema });
    assert.match(ofRoots, /ingest\.allowed_roots has \S+, which is a file: no file lies in it; name a directory/);
    const { stdout } = await runCli(['check-config'], { ATD_INGEST_ALLOWED_ROOTS: join(directory, 'later') });
    assert.match(stdout, /^# warning: ingest\.allowed_roots has \S+later, which is not there/m);
    const found = (executable: string) => runCli(['check-config'], { ATD_AS_CLI_EXECUTABLE: executable });
    assert.match((await found(directory)).stderr, /is not an executable file, but a directory or the like; install it/);
    assert.match(
      (await found(schema)).stderr,
      /is not an executable file that this user may execute \(chmod \+x\); install it/,
    );
  });

  it('says that a batch size of 10000 is the former default, and nothing of any other', async (t) => {
    const said = async (env: Readonly<Record<string, string>>) =>
      /^# note: batch_size is 10000, .*$/m.test((await runCli(['check-config'], env)).stdout);
    assert.equal(await said({ ATD_BATCH_SIZE: '10000' }), true);
    assert.equal(await said({ ATD_BATCH_SIZE: '20000' }), false);
    assert.equal(await said({}), false);
    const loader = join(temporaryDirectory(t), 'as-cli');
    writeFileSync(loader, '#!/bin/sh\n', { mode: 0o755 });
    assert.equal(await said({ ATD_BATCH_SIZE: '10000', ATD_AS_CLI_EXECUTABLE: loader }), false);
  });

  it('names the loader that is on the PATH', async (t) => {
    const directory = temporaryDirectory(t);
    const loader = join(directory, 'as-cli');
    writeFileSync(loader, '#!/bin/sh\n');
    chmodSync(loader, 0o755);
    const { stdout } = await runCli(['check-config'], { PATH: directory });
    assert.match(stdout, new RegExp(`^# loader: ${loader}$`, 'm'));
  });

  it('knows the bundled loader when it is on the PATH, and says how loaders are started', async (t) => {
    const directory = temporaryDirectory(t);
    symlinkSync(join(PACKAGE_ROOT, 'bin/as-cli'), join(directory, 'as-cli'));
    const env = { PATH: directory };
    const { stdout } = await runCli(['check-config'], env);
    assert.match(stdout, /^# loader: .*bin\/as-cli \(bundled\)$/m);
    assert.match(stdout, /^# as_cli\.launch: auto is warm for this loader$/m);
    const other = await runCli(['check-config'], { ...env, ATD_AS_CLI_EXECUTABLE: '/bin/true' });
    assert.match(other.stdout, /^# as_cli\.launch: auto is launcher for this loader$/m);
    const former = /^# note: as_cli\.launch is launcher, the default of former versions/m;
    for (const [executable, isSaid] of [
      ['as-cli', true],
      ['/bin/true', false],
    ] as const) {
      const changes = { ATD_AS_CLI_EXECUTABLE: executable, ATD_AS_CLI_LAUNCH: 'launcher' };
      const { stdout: said } = await runCli(['check-config'], { ...env, ...changes });
      assert.equal(former.test(said), isSaid, executable);
      assert.doesNotMatch(said, /auto is/);
    }
  });

  it('says what is accepted but without effect', async () => {
    const { code, stdout } = await runCli(['check-config'], { ATD_KAFKA_ENABLE_AUTO_COMMIT: 'true' });
    assert.equal(code, 0);
    assert.match(stdout, /^# warning: kafka\.enable_auto_commit has no effect/m);
  });
});
