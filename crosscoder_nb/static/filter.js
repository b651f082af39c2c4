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

// The grammar:  any = all { or all },  all = one { and one },  one = not one | ( any ) | comparison.
class FilterReader {
  names = new Set();
  words = new Set();
  found = new Map();
  at = 0;

  constructor(text, data, shownAs) {
    Object.assign(this, { tokens: readTokens(text), data, shownAs });
    this.headings = new Map([...data.about.values()].map((c) => [shortLabel(c).toLowerCase(), c]));
  }

  get next() {
    return this.tokens[this.at]?.kind;
  }
  take(kind) {
    if (this.next !== kind) return false;
    this.at++;
    return true;
  }

  read() {
    const test = this.tokens.length ? this.any() : () => true,
      rest = this.tokens.slice(this.at).map((t) => t.text ?? t.kind);
    if (rest.length) throw new Error(`cannot read “${rest.join(" ")}”`);
    return { names: this.names, words: this.words, found: this.found, test };
  }

  any() {
    const either = (a, b) => (row) => a(row) || b(row);
    let test = this.all();
    while (this.take("or")) test = either(test, this.all());
    return test;
  }

  all() {
    const both = (a, b) => (row) => a(row) && b(row);
    let test = this.one();
    while (this.take("and")) test = both(test, this.one());
    return test;
  }

  one() {
    if (this.take("not")) {
      const test = this.one();
      return (row) => !test(row);
    }
    if (!this.take("(")) return this.comparison();
    const test = this.any();
    if (!this.take(")")) throw new Error("a parenthesis is not closed");
    return test;
  }

  columnOf({ kind, text, quoted }) {
    if (kind === "op" || quoted) return undefined;
    if (text === "text") return { kind: "examples" };
    return this.data.about.get(text) ?? this.headings.get(text.toLowerCase());
  }

  comparison() {
    const parts = [];
    while (this.next === "word" || this.next === "op") addPart(parts, this.tokens[this.at++]);
    const shape = parts.map((p) => (p.kind === "op" ? "o" : "w")).join(""),
      [a, , b, , c] = parts,
      of = (part) => this.columnOf(part);
    const flipped = (part, op, value) => this.compare(of(part), FLIPPED[op.text], value);
    if (shape === "w") return this.alone(a);
    if (shape === "wow" && of(a)) return this.compare(of(a), parts[1].text, b);
    if (shape === "wow" && of(b)) return flipped(b, parts[1], a);
    if (shape === "wow") throw new Error(`there is no column “${a.text}”`);
    if (shape !== "wowow" || !of(b)) {
      const said = parts.map((p) => p.text).join(" ");
      throw new Error(said ? `cannot read “${said}”` : "a condition is missing");
    }
    const [low, high] = [flipped(b, parts[1], a), this.compare(of(b), parts[3].text, c)];
    return (row) => low(row) && high(row);
  }

  // A word by itself: a star, or what the examples say.
  alone(part) {
    const column = this.columnOf(part);
    if (column?.name === "star") return this.compare(column, "==", { text: "true" });
    if (column) throw new Error(`cannot read “${part.text}”`);
    return this.says(part.text);
  }

  says(text) {
    this.words.add(text);
    return (row) => this.found.get(text).has(this.data.features[row]);
  }

  compare(column, op, { text }) {
    if (column.kind === "examples") {
      if (op !== "~") throw new Error('text is what the examples say: text ~ "some words"');
      return this.says(text);
    }
    this.names.add(column.name);
    const isNumber = column.kind === "number" || column.kind === "feature";
    return isNumber ? this.compareNumber(column, op, text) : this.compareText(column, op, text);
  }

  compareNumber(column, op, text) {
    const wanted = column.six ? sixDigits(Number(text)) : Math.fround(Number(text)),
      compare = COMPARE[op];
    if (text.trim() === "" || Number.isNaN(wanted) || !compare)
      throw new Error(`${column.name} is a number, compared by < <= > >= == !=; got “${op} ${text}”`);
    if (column.kind === "feature") return (row) => compare(this.data.features[row], wanted);
    return (row) => compare(column.values[row], wanted);
  }

  compareText(column, op, text) {
    const said = (row) => String(this.data.value(column, row)),
      wanted = text.toLowerCase();
    if (op === "~") return (row) => said(row).toLowerCase().includes(wanted);
    if (op !== "==" && op !== "!=") throw new Error(`${column.name} is a text: use == != or ~ (contains)`);
    return (row) => (said(row) === text || this.shownAs(said(row)) === text) === (op === "==");
  }
}

function readFilter(text, data, shownAs) {
  if (!/^\s*#?\d+\s*$/.test(text)) return new FilterReader(text, data, shownAs).read();
  const wanted = Number(text.replace("#", ""));
  return { names: new Set(), words: new Set(), alone: true, test: (row) => data.features[row] === wanted };
}
