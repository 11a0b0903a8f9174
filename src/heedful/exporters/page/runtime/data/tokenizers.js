// Texts to ids and back, with the ids that the network learnt by: characters, symbols, byte-level BPE, unigram.

/** The id of what is in no vocabulary. */
export const UNKNOWN = 3;
const SKIPPED = 4; // the first ids stand for no text: <pad>, <s>, </s>, <unk>

/** What all kinds share. `file` is a tokenizer.json; `encode` and `decode` are each kind's own. */
class Tokenizer {
  constructor(file) {
    const { vocab } = file.model; // with scores it is a list, else a table of ids
    this.ids = new Map(vocab instanceof Array ? vocab.map(([piece], id) => [piece, id]) : Object.entries(vocab));
    this.pieces = [];
    for (const [piece, id] of this.ids) this.pieces[id] = piece;
    this.lower = JSON.stringify(file.normalizer ?? "").includes('"Lowercase"');
  }

  /** The ids of a text. A character at a time is lowered, as what follows it must not matter. */
  encode(text) {
    return this.split(this.lower ? Array.from(text, (character) => character.toLowerCase()).join("") : text);
  }

  idOf(piece) {
    return this.ids.get(piece) ?? UNKNOWN;
  }

  /** Each id as people are shown it: a space is written ▁, a part of a character as its bytes. */
  display(id) {
    if (id < SKIPPED) return this.pieces[id];
    const text = this.decode([id]);
    return text.includes("\ufffd") ? this.displayPart(id) : text.replaceAll(" ", "▁").replaceAll("\n", "⏎");
  }

  displayPart(id) {
    return this.pieces[id];
  }

  /** The pieces of ids, without those that stand for no text; <unk> is shown. */
  piecesOf(ids) {
    return ids.filter((id) => id >= UNKNOWN).map((id) => this.pieces[id]);
  }
}

class Characters extends Tokenizer {
  split(text) {
    return Array.from(text, (character) => this.idOf(character));
  }

  decode(ids) {
    return this.piecesOf(ids).join("");
  }
}

class Symbols extends Tokenizer {
  split(text) {
    const symbols = text.split(/\p{White_Space}+/u).filter(Boolean);
    return symbols.map((symbol) => (["<pad>", "<s>", "</s>"].includes(symbol) ? UNKNOWN : this.idOf(symbol)));
  }

  decode(ids) {
    return this.piecesOf(ids).join(" ");
  }
}

/** Bytes as printable characters (GPT-2's table), and back. */
const BYTE_NAMES = (() => {
  const printable = (byte) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte < 0xad) || byte > 0xad;
  let other = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + other++));
})();
const BYTES = new Map(BYTE_NAMES.map((name, byte) => [name, byte]));
const WORDS = new RegExp(
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
    + "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+",
  "gu",
);

class BytePairs extends Tokenizer {
  constructor(file) {
    super(file);
    const pairs = file.model.merges.map((pair) => (pair instanceof Array ? pair.join(" ") : pair));
    this.ranks = new Map(pairs.map((pair, rank) => [pair, rank]));
  }

  split(text) {
    return (text.match(WORDS) ?? []).flatMap((word) => this.merge(word));
  }

  /** The pair that was learnt first is joined first, the leftmost of equals. */
  merge(word) {
    const parts = Array.from(new TextEncoder().encode(word), (byte) => BYTE_NAMES[byte]);
    for (;;) {
      let best = -1, lowest = Infinity;
      for (let at = 0; at + 1 < parts.length; at++) {
        const rank = this.ranks.get(`${parts[at]} ${parts[at + 1]}`) ?? Infinity;
        if (rank < lowest) [best, lowest] = [at, rank];
      }
      if (best < 0) return parts.map((part) => this.idOf(part));
      parts.splice(best, 2, parts[best] + parts[best + 1]);
    }
  }

  displayPart(id) {
    return Array.from(this.pieces[id], (character) => byteName(BYTES.get(character))).join("");
  }

  decode(ids) {
    const characters = this.piecesOf(ids).map((piece) => (piece === "<unk>" ? [] : Array.from(piece)));
    return textOf(characters.flat().map((character) => BYTES.get(character)));
  }
}

class Unigram extends Tokenizer {
  constructor(file) {
    super(file);
    this.scores = file.model.vocab.map(([, score]) => score);
    this.unknownScore = this.scores.reduce((lowest, score) => Math.min(lowest, score), Infinity) - 10;
    this.longest = this.pieces.reduce((longest, piece) => Math.max(longest, Array.from(piece).length), 0);
  }

  /** A word keeps the space before it, and "<" stands alone. */
  split(text) {
    const words = text.split(/(<)/).flatMap((part) => (part === "<" ? part : part.match(/ ?[^ ]+| /g) ?? []));
    return words.flatMap((word) => this.best(word));
  }

  /** The likeliest pieces of a word (Viterbi); what no piece stands for becomes bytes. */
  best(word) {
    const characters = Array.from(word), ends = [{ score: 0 }];
    for (let start = 0; start < characters.length; start++) {
      const { score } = ends[start];
      let piece = "", alone = false;
      for (let end = start + 1; end <= Math.min(characters.length, start + this.longest); end++) {
        piece += characters[end - 1];
        const id = this.ids.get(piece);
        if (id === undefined) continue;
        alone ||= end === start + 1;
        reach(ends, end, { start, id, score: score + this.scores[id] });
      }
      if (!alone) reach(ends, start + 1, { start, id: UNKNOWN, score: score + this.unknownScore });
    }
    const ids = [];
    for (let end = characters.length; end > 0; end = ends[end].start) {
      const { start, id } = ends[end];
      ids.unshift(...(id === UNKNOWN ? this.bytes(characters[start]) : [id]));
    }
    return ids;
  }

  bytes(character) {
    return Array.from(new TextEncoder().encode(character), (byte) => this.idOf(byteName(byte)));
  }

  decode(ids) {
    const encoder = new TextEncoder();
    return textOf(this.piecesOf(ids).flatMap((piece) => {
      const byte = /^<0x([0-9A-F]{2})>$/.exec(piece);
      return byte ? [parseInt(byte[1], 16)] : Array.from(encoder.encode(piece));
    }));
  }
}

/** How a byte is written that is a part of a character. */
function byteName(byte) {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

function reach(ends, end, node) {
  if (!ends[end] || node.score > ends[end].score) ends[end] = node;
}

function textOf(bytes) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/** The tokenizer of a kind: characters, symbols, bpe or unigram. */
export function tokenizerOf({ kind, file }) {
  return new { characters: Characters, symbols: Symbols, bpe: BytePairs, unigram: Unigram }[kind](file);
}
