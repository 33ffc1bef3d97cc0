import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileSystemOfKernel, kernelFileSystemOf, parseMounts } from '../../../lib/worker/attempt/mounts.js';

const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid shared:12 - proc proc rw
24 22 0:22 / /sys rw shared:7 - sysfs sysfs rw
25 24 0:23 / /sys/fs/cgroup ro master:3 propagate_from:2 - cgroup2 none rw
26 22 8:2 / /proc/data rw - ext4 /dev/sdb1 rw
27 22 0:24 / /in/a\\040b rw - proc proc rw
28 22 0:25 / /in/over rw - proc proc rw
29 22 8:3 / /in/over rw - xfs /dev/sdc1 rw
30 22 0:21 /self/environ /in/one rw - proc proc rw
`;
const MOUNTS = parseMounts(MOUNTINFO);

describe('the mounts of the system', () => {
  const cases: readonly (readonly [path: string, fileSystem: string | null])[] = [
    ['/data/a.csv', null],
    ['/processed/a.csv', null],
    ['/proc/self/environ', 'proc'],
    ['/sys/kernel/notes', 'sysfs'],
    ['/sys/fs/cgroup/memory.max', 'cgroup2'],
    ['/proc/data/a.csv', null],
    ['/in/a b/1/status', 'proc'],
    ['/in/over/1', null],
    ['/in/one', 'proc'],
    ['/in/one.csv', null],
  ];
  for (const [path, fileSystem] of cases) {
    it(`say that ${path} is ${fileSystem === null ? 'a file' : `of ${fileSystem}`}`, () => {
      assert.equal(fileSystemOfKernel(path, MOUNTS), fileSystem);
    });
  }

  it('are those of this machine', () => {
    assert.equal(kernelFileSystemOf('/proc/self/status'), 'proc');
    assert.equal(kernelFileSystemOf('/etc/passwd'), null);
  });

  it('may be unknown', () => assert.equal(fileSystemOfKernel('/proc/1/status', []), null));
});
