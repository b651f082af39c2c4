// ---- the filter ------------------------------------------------------------------------------------

// Conditions such as  rel_norm > 0.9 and (0.0001 < density < 0.01 or label ~ "pirate") , a feature's number, or only
// words, which are looked for in the examples. Columns have their own names or those of their headings.
// `names` are the columns a filter needs, `words` the texts it looks for in examples; `test(row)` can be called once
// they are there.
const TOKEN = /\s*(?:(\()|(\))|(<=|>=|==|!=|=|<|>|~)|"([^"]*)"|'([^']*)'|`([^`]*)`|([^\s()<>=!~"'`]+))/y;
const COMPARE = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
};
const FLIPPED = { "<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!=" };

function readTokens(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const found = TOKEN.exec(text);
    if (!found) throw new Error("there is a quote without its end");
    const [, open, close, op, quoted, quoted2, name, word] = found;
    if (open || close) tokens.push({ kind: open ?? close });
    else if (op) tokens.push({ kind: "op", text: op === "=" ? "==" : op });
    else if (name !== undefined) tokens.push({ kind: "word", text: name, column: true });
    else if (word !== undefined)
      tokens.push({
        kind: /^(and|or|not)$/i.test(word) ? word.toLowerCase() : word === "&" ? "and" : word === "|" ? "or" : "word",
        text: word,
      });
    else tokens.push({ kind: "word", text: quoted ?? quoted2, quoted: true });
  }
  return tokens;
}

// Words that follow each other are one name or one value:  relative norm > 0.9  and  class == tuned only .
function addPart(parts, token) {
  const last = parts.at(-1);
  if (token.kind === "op" || !last || last.kind === "op" || last.quoted || token.quoted) parts.push({ ...token });
  else last.text += ` ${token.text}`;
}

function readFilter(text, data, shownAs) {
  const names = new Set(),
    words = new Set(),
    found = new Map();
  if (/^\s*#?\d+\s*$/.test(text)) {
    const wanted = Number(text.replace("#", ""));
    return { names, words, found, alone: true, test: (row) => data.features[row] === wanted };
  }
  const tokens = readTokens(text);
  let at = 0;
  const next = () => tokens[at]?.kind;
  const headings = new Map([...data.about.values()].map((c) => [shortLabel(c).toLowerCase(), c]));
  const columnOf = ({ text, quoted }) => {
    if (quoted) return undefined;
    return text === "text" ? { kind: "examples" } : (data.about.get(text) ?? headings.get(text.toLowerCase()));
  };

  function any() {
    let left = all();
    while (next() === "or") {
      at++;
      const a = left,
        b = all();
      left = (row) => a(row) || b(row);
    }
    return left;
  }
  function all() {
    let left = one();
    while (next() === "and") {
      at++;
      const a = left,
        b = one();
      left = (row) => a(row) && b(row);
    }
    return left;
  }
  function one() {
    if (next() === "not") {
      at++;
      const inner = one();
      return (row) => !inner(row);
    }
    if (next() === "(") {
      at++;
      const inner = any();
      if (next() !== ")") throw new Error("a parenthesis is not closed");
      at++;
      return inner;
    }
    return comparison();
  }

  function says(text) {
    words.add(text);
    return (row) => found.get(text).has(data.features[row]);
  }

  function comparison() {
    const parts = [];
    while (next() === "word" || next() === "op") addPart(parts, tokens[at++]);
    if (parts.length === 1 && parts[0].kind === "word" && !columnOf(parts[0])) return says(parts[0].text);
    if (parts.length === 1 && columnOf(parts[0])?.name === "star")
      return compare(columnOf(parts[0]), "==", { text: "true" });
    const shape = parts.map((p) => (p.kind === "op" ? "o" : "w")).join("");
    if (shape === "wow") {
      if (columnOf(parts[0])) return compare(columnOf(parts[0]), parts[1].text, parts[2]);
      if (columnOf(parts[2])) return compare(columnOf(parts[2]), FLIPPED[parts[1].text], parts[0]);
      throw new Error(`there is no column “${parts[0].text}”`);
    }
    if (shape === "wowow" && columnOf(parts[2])) {
      const low = compare(columnOf(parts[2]), FLIPPED[parts[1].text], parts[0]),
        high = compare(columnOf(parts[2]), parts[3].text, parts[4]);
      return (row) => low(row) && high(row);
    }
    throw new Error(parts.length ? `cannot read “${parts.map((p) => p.text).join(" ")}”` : "a condition is missing");
  }

  function compare(column, op, { text }) {
    if (column.kind === "examples") {
      if (op !== "~") throw new Error('text is what the examples say: text ~ "some words"');
      return says(text);
    }
    names.add(column.name);
    if (column.kind === "number" || column.kind === "feature") {
      const wanted = column.six ? sixDigits(Number(text)) : Math.fround(Number(text));
      if (text.trim() === "" || Number.isNaN(wanted) || !COMPARE[op])
        throw new Error(`${column.name} is a number, compared by < <= > >= == !=; got “${op} ${text}”`);
      return (row) => {
        const v = column.kind === "feature" ? data.features[row] : column.values[row];
        return COMPARE[op](v, wanted);
      };
    }
    const said = (row) => String(data.value(column, row));
    if (op === "~") {
      const wanted = text.toLowerCase();
      return (row) => said(row).toLowerCase().includes(wanted);
    }
    if (op !== "==" && op !== "!=") throw new Error(`${column.name} is a text: use == != or ~ (contains)`);
    return (row) => (said(row) === text || shownAs(said(row)) === text) === (op === "==");
  }

  const test = tokens.length ? any() : () => true;
  if (at < tokens.length)
    throw new Error(
      `cannot read “${tokens
        .slice(at)
        .map((t) => t.text ?? t.kind)
        .join(" ")}”`,
    );
  return { names, words, found, test };
}
