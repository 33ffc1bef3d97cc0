/** Packages without types of their own. */
declare module 'kafkajs-snappy' {
  const createCodec: () => unknown;
  export default createCodec;
}

declare module 'lz4js' {
  export function decompress(bytes: Uint8Array): Uint8Array;
}
