/** Whether a path without links lies below a directory. */
export function isUnder(path: string, root: string): boolean {
  const prefix = root.endsWith('/') ? root : `${root}/`;
  return path.startsWith(prefix);
}
