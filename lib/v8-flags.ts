/**
 * Keeps the heaps of the service and of its threads near the size of their live objects. By default V8 lets a young generation of
 * up to 48 MB pile up in each of five heaps, and an old one until it has a multiple of what it needs: with 4 slots the
 * process then grows from 130 to 330 MB without keeping anything. Here garbage is young or soon collected, and a record
 * costs the same CPU either way.
 *
 * To be imported first by the process, and by each of its threads: the settings are the whole process's, but V8 sets the
 * first of them back whenever it makes a heap.
 */
import { setFlagsFromString } from 'node:v8';

// The young generation keeps its first size.
setFlagsFromString('--semi-space-growth-factor=1');
// The old one is collected when it is half as large again as after the last time.
setFlagsFromString('--heap-growing-percent=50');
