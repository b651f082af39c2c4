// ---- a block of columns, from `pack` in Python -----------------------------------------------------

async function inflate(bytes) {
  return new Uint8Array(
    await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer(),
  );
}

const KINDS = { f4: Float32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

// A number as Python rounds those of a column of fractions (`six_digits`), so that equal numbers are equal here too.
function sixDigits(v) {
  const bits = new Uint32Array(new Float32Array([v]).buffer);
  bits[0] = (bits[0] + 4) & ~7;
  return new Float32Array(bits.buffer)[0];
}

// JSON and columns; the bytes of equal significance of a column's values lie side by side.
async function unpack(block) {
  const size = new DataView(block.buffer, block.byteOffset, 4).getUint32(0, true);
  const contents = JSON.parse(new TextDecoder().decode(await inflate(block.subarray(4, 4 + size))));
  let at = 4 + size;
  const columns = await Promise.all(
    contents.columns.map(async ([name, kind, length, bytes]) => {
      const packed = block.subarray(at, at + bytes),
        width = Number(kind[1]),
        values = new Uint8Array(width * length);
      at += bytes; // before the wait below: the columns are unpacked side by side
      const planes = await inflate(packed);
      for (let k = 0, i = 0; k < width; k++)
        for (let row = 0; row < length; row++) values[row * width + k] = planes[i++];
      return [name, new KINDS[kind](values.buffer)];
    }),
  );
  return { contents, columns: Object.fromEntries(columns) };
}

// ---- the table's data ------------------------------------------------------------------------------

// Columns by name. `values` are there at once, or after `need`. A column of texts has `texts`, to which values are
// indices; what the reader writes about features makes columns too.
function makeData(meta, columns, texts, source) {
  const features = columns.feature,
    places = new Map(),
    notes = new Map(Object.entries(meta.notes).map(([f, said]) => [Number(f), said]));
  features.forEach((feature, row) => places.set(feature, row));
  const about = new Map(meta.columns.map((column) => [column.name, column]));
  for (const column of meta.columns)
    if (columns[column.name]) Object.assign(column, { values: columns[column.name], texts: texts[column.name] });
  for (const [name, help] of [
    ["label", "what readers called the feature"],
    ["note", "what readers wrote about it"],
  ])
    if (!about.has(name)) about.set(name, { name, label: name, help, kind: "note" });
  if (!about.has("star")) about.set("star", { name: "star", label: "★", help: "starred by a reader", kind: "note" });

  async function need(names) {
    await Promise.all(
      names.map(async (name) => {
        const column = about.get(name);
        if (!column || column.values || column.kind === "note") return;
        const { contents, columns: found } = await source.column(name);
        Object.assign(column, { values: found[name], texts: contents.texts[name] });
      }),
    );
  }

  function value(column, row) {
    if (column.kind === "note") return notes.get(features[row])?.[column.name] ?? "";
    if (column.kind === "text") return column.texts[column.values[row]];
    return column.values[row];
  }

  return {
    rows: meta.rows,
    features,
    about,
    notes,
    few: columns.few,
    need,
    value,
    place: (feature) => places.get(feature),
  };
}

// Rows in order; a row without a value comes last either way, equal rows keep their order.
function sortRows(data, rows, name, down) {
  const column = data.about.get(name),
    sign = down ? -1 : 1;
  if (column.kind === "note") {
    const said = new Map(rows.map((row) => [row, String(data.value(column, row))]));
    return rows.sort(
      (a, b) => (said.get(a) === "") - (said.get(b) === "") || sign * said.get(a).localeCompare(said.get(b)) || a - b,
    );
  }
  const v = column.kind === "feature" ? data.features : column.values,
    empty = column.texts?.indexOf("") ?? -1;
  const none = (row) => Number.isNaN(v[row]) || v[row] === empty;
  return rows.sort((a, b) => {
    if (none(a) || none(b)) return none(a) - none(b) || a - b;
    return sign * (v[a] - v[b]) || a - b;
  });
}
