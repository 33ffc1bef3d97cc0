/**
 * File systems whose regular files are no files: the kernel makes them up as they are read. Some hold secrets of the process
 * that reads them (`/proc/self/environ`), some act when they are read, and none has a size that means anything. By the name
 * in the list of mounts, with the number that statfs gives.
 */
const KERNEL_FILE_SYSTEMS: Readonly<Record<string, number>> = {
  proc: 0x9fa0,
  sysfs: 0x62656572,
  debugfs: 0x64626720,
  tracefs: 0x74726163,
  securityfs: 0x73636673,
  configfs: 0x62656570,
  cgroup: 0x27e0eb,
  cgroup2: 0x63677270,
  bpf: 0xcafe4a11,
  pstore: 0x6165676c,
  efivarfs: 0xde5e81e4,
  selinuxfs: 0xf97cff8c,
  smackfs: 0x43415d53,
  binfmt_misc: 0x42494e4d,
  fusectl: 0x65735543,
  mqueue: 0x19800202,
  devpts: 0x1cd1,
  nsfs: 0x6e736673,
};

const BY_NUMBER = new Map(Object.entries(KERNEL_FILE_SYSTEMS).map(([name, number]) => [number, name]));

export function isOfKernel(name: string): boolean {
  return Object.hasOwn(KERNEL_FILE_SYSTEMS, name);
}

/** Null for all other file systems. */
export function kernelFileSystem(number: number): string | null {
  // As statfs gives it the number may be one with a sign.
  return BY_NUMBER.get(number >>> 0) ?? null;
}
