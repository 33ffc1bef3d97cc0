/** What a thread is started with. All else is loaded when its heap is bounded: loading it is what would make that grow. */
import '../v8-flags.js';

const { default: attempt } = await import('./entry.js');

export default attempt;
