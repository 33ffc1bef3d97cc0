/** Packages without types of their own. */
declare module 'kafkajs-snappy' {
  const createCodec: () => {
    readonly compress: (encoder: { readonly buffer: Buffer }) => Promise<Buffer>;
    readonly decompress: (bytes: Buffer) => Promise<Buffer>;
  };
  export default createCodec;
}

declare module 'lz4js' {
  export function compress(bytes: Uint8Array): Uint8Array;
  export function decompress(bytes: Uint8Array): Uint8Array;
  /** Returns where the decompressed block ends in `target`. */
  export function decompressBlock(
    source: Uint8Array,
    target: Uint8Array,
    sourceStart: number,
    sourceBytes: number,
    targetStart: number,
  ): number;
}
