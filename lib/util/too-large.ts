/** What is compressed has more bytes than may be taken in; the data may be all right. */
export class TooLarge extends Error {
  constructor(most: number) {
    super(`it unpacks to more than ${most} bytes`);
  }
}
