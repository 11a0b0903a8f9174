// A picture from anywhere as the networks read it: square, of their size and colours.

/** The bytes (size × size × C) of a file, and a canvas that shows them. `form`: size, colours, fit. */
export async function readPicture(file, { size, colours, fit }) {
  const bitmap = await createImageBitmap(file), canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is transparent is white
  context.fillRect(0, 0, size, size);
  context.imageSmoothingQuality = "high";
  const [wide, high] = sides(bitmap, size, fit);
  context.drawImage(bitmap, (size - wide) / 2, (size - high) / 2, wide, high);
  const { data } = context.getImageData(0, 0, size, size);
  return colours === "gray" ? grayOf(data) : Uint8Array.from(data.filter((_, i) => i % 4 < 3));
}

/** The sides of a picture that covers a square, lies within it, or is stretched to it. */
function sides({ width, height }, size, fit) {
  if (fit === "stretch") return [size, size];
  const factor = size / (fit === "pad" ? Math.max(width, height) : Math.min(width, height));
  return [width * factor, height * factor];
}

/** As Pillow makes gray of colours: ITU-R 601-2 luma, in whole numbers. */
function grayOf(data) {
  const luma = (at) => (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
  return Uint8Array.from({ length: data.length / 4 }, (_, pixel) => luma(4 * pixel));
}

/** Shows bytes on a canvas. */
export function showPicture(canvas, bytes, { size, colours }) {
  const image = new ImageData(size, size);
  for (let pixel = 0; pixel < size * size; pixel++) {
    const [red, green, blue] = colours === "gray" ? Array(3).fill(bytes[pixel]) : bytes.slice(3 * pixel, 3 * pixel + 3);
    image.data.set([red, green, blue, 255], 4 * pixel);
  }
  Object.assign(canvas, { width: size, height: size, hidden: false });
  canvas.getContext("2d").putImageData(image, 0, 0);
}
