// The weights of a network: one blob, in which each row of a matrix is bytes and the one number they are multiplied by.

/** Tensors by name below a path, as PyTorch names them. */
export class Weights {
  constructor(tensors, path = "") {
    this.tensors = tensors;
    this.path = path;
  }

  at(name) {
    return new Weights(this.tensors, this.path ? `${this.path}.${name}` : name);
  }

  find(name) {
    return this.tensors.get(this.path ? `${this.path}.${name}` : name);
  }

  has(name) {
    return this.find(name) !== undefined;
  }

  get(name) {
    const tensor = this.find(name);
    if (!tensor) throw new Error(`There is no weight ${this.path}.${name}.`);
    return tensor;
  }
}

/** A network's weights out of its blob (base64 of a deflated file). `layout` names the tensors in their order. */
export async function readWeights(base64, layout) {
  const bytes = await inflate(decode(base64));
  const numbers = layout.reduce((sum, entry) => sum + numbersOf(entry), 0);
  const floats = new Float32Array(bytes.buffer, 0, numbers), rows = new Int8Array(bytes.buffer, 4 * numbers);
  const tensors = new Map();
  let float = 0, row = 0;
  for (const entry of layout) {
    if (entry.same) {
      tensors.set(entry.name, tensors.get(entry.same));
      continue;
    }
    const count = numbersOf(entry), stored = floats.subarray(float, (float += count));
    if (entry.shape.length < 2) {
      tensors.set(entry.name, { shape: entry.shape, data: stored });
      continue;
    }
    const width = entry.shape.at(-1), data = new Float32Array(count * width);
    for (let i = 0, of = 0; of < count; of++) {
      for (let column = 0; column < width; column++) data[i++] = rows[row++] * stored[of];
    }
    tensors.set(entry.name, { shape: entry.shape, data });
  }
  return new Weights(tensors);
}

/** How many numbers of an entry are stored as such: all of a vector, one for each row of a matrix. */
function numbersOf({ shape, same }) {
  if (same) return 0;
  return (shape.length < 2 ? shape : shape.slice(0, -1)).reduce((product, size) => product * size, 1);
}

function decode(base64) {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
