import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrowSchema, avroSchema, parquetSchema, type SchemaPart } from '../../../lib/loader/file/binary-schema.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function part(found: SchemaPart | null): string | number | null {
  if (found === null) return null;
  return found.kind === 'more' ? found.bytes : Buffer.from(found.data).toString('latin1');
}

test('the footer of a Parquet file is found from its end', () => {
  const end = `data${'F'.repeat(16)}\x10\0\0\0PAR1`;
  assert.equal(part(parquetSchema(bytes(end), 100)), `PAR1${end.slice(4)}`);
  assert.equal(part(parquetSchema(bytes(end.slice(10)), 100)), 24, 'asks for the whole footer');
  assert.equal(parquetSchema(bytes(end.replace('PAR1', 'PARE')), 100), null);
  assert.equal(parquetSchema(bytes(end), 20), null, 'a footer longer than the file');
  assert.equal(parquetSchema(bytes('data\0\0\0\0PAR1'), 100), null, 'an empty footer');
  assert.equal(parquetSchema(bytes('PAR1'), 4), null);
});

test('the schema of Arrow is the first message, in a file behind its magic bytes', () => {
  const schema = '\xff\xff\xff\xff\x08\0\0\0SCHEMA..';
  assert.equal(part(arrowSchema(bytes(`${schema}more`))), schema);
  assert.equal(part(arrowSchema(bytes(`ARROW1\0\0${schema}more`))), schema);
  assert.equal(part(arrowSchema(bytes(`ARROW1\0\0${schema.slice(0, -1)}`))), 24);
  assert.equal(arrowSchema(bytes('ARROW1\0\0')), null);
  // As polars writes it: without marker and length, up to the next message.
  const bare = '\x04\0\0\0\xff\xff\xff\xff12345678';
  assert.equal(part(arrowSchema(bytes(`ARROW1\0\0${bare}\xff\xff\xff\xffmore`))), `\xff\xff\xff\xff\x10\0\0\0${bare}`);
  assert.equal(part(arrowSchema(bytes(`ARROW1\0\0${bare}`))), 96);
  assert.equal(arrowSchema(bytes('\xff\xff\xff\xff\0\0\0\0')), null, 'a stream without a schema');
});

test('the header of Avro ends with its marker, however its map is cut into blocks', () => {
  const marker = 'M'.repeat(16);
  const pairs = '\x04k1\x04v1';
  const headers = [
    `Obj\x01\x02${pairs}\0${marker}`,
    `Obj\x01\x01\x0c${pairs}\0${marker}`,
    `Obj\x01\x02${pairs}\x02${pairs}\0${marker}`,
  ];
  for (const header of headers) {
    assert.equal(part(avroSchema(bytes(`${header}data`))), header);
    for (let length = 4; length < header.length; length++) {
      assert.equal(part(avroSchema(bytes(header.slice(0, length)))), 4 * length, `${length} bytes`);
    }
  }
  assert.equal(avroSchema(bytes('Obj\x02')), null);
  // The second text has -4 bytes: read there again, it would end the map, or never.
  const backwards = `Obj\x01\x02\x06\0ab\x07${marker}`;
  assert.equal(part(avroSchema(bytes(backwards))), 4 * backwards.length, 'a text of less than no bytes');
});
