// ---- the table: its head, a page of rows, and what chooses the rows -----------------------------------------------

// Functions that take `view` are parts of one view; `show` in view.js makes it, with the elements and the state they
// share.

const PAGE = 12; // rows of the table
const isWord = (column) => column.kind === "text" || column.kind === "note";

function drawHead(view) {
  view.head.replaceChildren(...view.state.columns.map((name) => headCell(view, view.data.about.get(name))));
}

function headCell(view, column) {
  const { state } = view,
    sorted = state.sort === column.name;
  const name = h(
    "span",
    { className: "cc-head-name" },
    apart(shortLabel(column), "cc-head-text"),
    h("span", { className: "cc-arrow", "aria-hidden": "true" }, sorted ? (state.down ? "▼" : "▲") : ""),
  );
  const hint = labelHint(column) ? [apart(labelHint(column), "cc-head-hint")] : [];
  const written = /\s/.test(column.name) ? `\`${column.name}\`` : column.name,
    title = `${column.label}: ${column.help}\nin a filter: ${written}`;
  const onclick = view.guard(() => sortBy(view, column.name));
  return h(
    "th",
    {
      scope: "col",
      className: isWord(column) ? "cc-word" : "",
      "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none",
    },
    h("button", { type: "button", title, "data-column": column.name, onclick }, name, ...hint),
  );
}

// The values of a page of rows: those of columns that are here, the others from the kernel.
async function cellsOf({ data, state, source }, rows) {
  const absent = state.columns.filter((name) => {
    const c = data.about.get(name);
    return !c.values && c.kind !== "feature" && c.kind !== "note";
  });
  const features = rows.map((row) => data.features[row]),
    asked = absent.length && rows.length ? await source.cells(features, absent) : {};
  return rows.map((row, i) =>
    state.columns.map((name) => {
      const column = data.about.get(name);
      if (column.kind === "feature") return data.features[row];
      return asked[name] ? asked[name][i] : data.value(column, row);
    }),
  );
}

function cellText(view, column, v, digits) {
  if (column.kind === "feature") return `#${v}${view.data.notes.get(v)?.star ? " ★" : ""}`;
  if (column.kind === "number") return number(v, digits);
  return column.name === "star" ? (v ? "★" : "") : view.shownAs(String(v));
}

function drawRow(view, row, cells, digits) {
  const shown = cells.map((v, k) => {
    const column = view.data.about.get(view.state.columns[k]),
      text = cellText(view, column, v, digits[k]);
    return h(
      "td",
      { className: column.kind === "number" ? "cc-number" : "cc-word", title: text.length > 24 ? text : undefined },
      apart(text),
    );
  });
  const onclick = view.guard(() => pick(view, row));
  return h("tr", { className: "cc-row", "data-feature": view.data.features[row], onclick }, ...shown);
}

async function drawRows(view) {
  const { state, data, body } = view,
    from = state.page * PAGE,
    rows = state.rows.slice(from, from + PAGE),
    drawn = ++state.drawn;
  const cells = await cellsOf(view, rows);
  if (drawn !== state.drawn) return; // another page was asked for meanwhile
  const digits = state.columns.map((name, k) =>
    data.about.get(name).kind === "number" ? digitsFor(cells.map((line) => line[k])) : 0,
  );
  const focused = rowFocused(view);
  body.replaceChildren(...rows.map((row, i) => drawRow(view, row, cells[i], digits)));
  markRow(view, focused);
  sayPlace(view, from, rows.length);
  fade(view.scroll);
}

// Which rows of how many are on the page, and whether there are others.
function sayPlace({ state, meta, found, empty, back, next }, from, n) {
  found.textContent = n
    ? `${count(from + 1)}–${count(from + n)} of ${count(state.rows.length)} (${count(meta.rows)} features)`
    : `none of ${count(meta.rows)} features`;
  empty.hidden = n > 0;
  back.disabled = from === 0;
  next.disabled = from + n >= state.rows.length;
}

function rowFocused({ body }) {
  return Boolean(document.activeElement?.matches?.(".cc-row") && body.contains(document.activeElement));
}

// The row of the selected feature, or else the first one, is the one that Tab reaches.
function markRow(view, focused = rowFocused(view)) {
  const rows = [...view.body.children],
    picked = String(view.data.features[view.state.row]),
    there = rows.some((tr) => tr.dataset.feature === picked);
  rows.forEach((tr, i) => {
    const own = tr.dataset.feature === picked;
    tr.classList.toggle("cc-selected", own);
    tr.setAttribute("aria-selected", String(own));
    tr.tabIndex = own || (i === 0 && !there) ? 0 : -1;
  });
  if (focused) view.body.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
}

function turn(view, pages) {
  const { state } = view;
  state.page = clamp(state.page + pages, 0, Math.max(0, Math.ceil(state.rows.length / PAGE) - 1));
  return drawRows(view);
}

async function sortBy(view, name) {
  const { state, data } = view;
  state.down = state.sort === name ? !state.down : true;
  state.sort = name;
  state.page = 0;
  await data.need([name]);
  sortRows(data, state.rows, name, state.down);
  drawHead(view);
  return drawRows(view);
}

// An edge beyond which there is more fades out; the button scrolls there.
function fade(el) {
  const right = el.scrollWidth - el.clientWidth - el.scrollLeft > 2;
  el.classList.toggle("cc-more-right", right);
  el.classList.toggle("cc-more-below", el.scrollHeight - el.clientHeight - el.scrollTop > 2);
  if (el.moreButton) el.moreButton.hidden = el.scrollWidth - el.clientWidth <= 2;
}

// ---- what chooses the rows

function readFilterBox(view) {
  const { filterBox, filterError, data, shownAs } = view;
  try {
    filterError.hidden = true;
    return readFilter(filterBox.value, data, shownAs);
  } catch (error) {
    filterError.hidden = false;
    filterError.textContent =
      `This filter cannot be read: ${error.message}. Write conditions such as  rel_norm > 0.9 and density > 1e-4 , ` +
      "or words that the examples say; a heading shows its column's name when the pointer rests on it.";
  }
}

async function applyFilter(view) {
  const { state, data, source } = view,
    filter = readFilterBox(view);
  const ticket = ++state.filtered;
  if (!filter) return showRows(view, []); // rather than what an earlier filter found
  const chosen = view.classBox.value,
    sides = (state.brush ?? []).map((side) => side.name);
  await data.need([...filter.names, state.sort, "class", ...sides]);
  for (const words of filter.words) {
    view.found.textContent = "searching the examples …";
    filter.found.set(words, new Set(await source.search(words)));
  }
  if (ticket !== state.filtered) return;
  return showRows(view, sortRows(data, rowsThrough(view, filter, chosen), state.sort, state.down));
}

function showRows(view, rows) {
  view.state.rows = rows;
  view.state.page = 0;
  drawChips(view);
  showOnMap(view);
  return drawRows(view);
}

// The rows that pass filter, class, firings and brush; a number finds its feature, whatever else is chosen.
function rowsThrough(view, filter, chosen) {
  const { state, data, meta, firedBox } = view,
    sides = (state.brush ?? []).map((side) => ({ ...side, values: data.about.get(side.name).values })),
    least = Number(firedBox.value),
    classOf = data.about.get("class"),
    rows = [];
  const passes = (row) =>
    data.few[row] >= least &&
    sides.every(({ values, low, high }) => values[row] >= low && values[row] <= high) &&
    filter.test(row);
  for (let row = 0; row < meta.rows; row++) if (filter.alone ? filter.test(row) : passes(row)) rows.push(row);
  if (filter.alone || !classOf?.values) return rows;
  countClasses(view, rows);
  return chosen ? rows.filter((row) => data.value(classOf, row) === chosen) : rows;
}

// The menu says how many features of each class pass the other conditions.
function countClasses({ classBox, meta, data }, rows) {
  const classOf = data.about.get("class"),
    counts = new Uint32Array(classOf.texts.length);
  for (const row of rows) counts[classOf.values[row]]++;
  meta.classes.forEach(([name, label], i) => {
    classBox.options[i + 1].textContent = `${label} (${count(counts[classOf.texts.indexOf(name)])})`;
  });
}

function clearAll(view) {
  view.filterBox.value = "";
  view.classBox.value = "";
  view.firedBox.value = "0";
  view.state.brush = null;
  return applyFilter(view);
}

// The brush is a condition like the others, to be seen and removed.
function drawChips(view) {
  const { state, chips } = view;
  const onclick = view.guard(() => {
    state.brush = null;
    return applyFilter(view);
  });
  const text = (state.brush ?? []).map((s) => `${s.label.split(" (")[0]} ${number(s.low)} to ${number(s.high)}`);
  const chip = h(
    "button",
    { type: "button", className: "cc-chip", title: "remove this condition", onclick },
    apart(text.join(", ")),
    " ✕",
  );
  chips.replaceChildren(...(state.brush ? [chip] : []));
}

// All that fired often enough are on the map, those that pass in colour.
function showOnMap(view) {
  const { state, data, meta, firedBox, map } = view;
  if (firedBox.value !== state.least) {
    state.least = firedBox.value;
    state.everybody = [];
    for (let row = 0; row < meta.rows; row++) if (data.few[row] >= Number(state.least)) state.everybody.push(row);
  }
  map.show(state.rows, state.everybody);
}

// ---- its elements

const FILTER_HELP =
  "conditions with and, or, not, parentheses and ranges such as 0.1 < rel_norm < 0.3; " +
  'label ~ "words" searches the labels, text ~ "words", or words alone, the strongest examples within 16 tokens of ' +
  "the peak; a number finds its feature. Enter applies.";
const FIRED = [
  ["0", "fired or not"],
  ["1", "fired at all"],
  ["10", "fired 10 times or more"],
  ["100", "fired 100 times or more"],
];

function filterElements(view) {
  const { meta, data } = view,
    apply = view.guard(() => applyFilter(view)),
    fired = data.few.some((n) => n >= 10) ? "10" : "0";
  view.filterBox = h("input", {
    className: "cc-filter",
    type: "text",
    spellcheck: false,
    autocomplete: "off",
    placeholder: data.about.has("rel_norm")
      ? 'rel_norm > 0.9 and (density > 1e-4 or label ~ "sorry")'
      : "a condition …",
    "aria-label": "filter",
    title: FILTER_HELP,
    onkeydown(event) {
      if (event.key === "Enter") apply();
      if (event.key === "Escape") view.body.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
    },
  });
  const chosen = () => {
    if (view.classBox.value === "dead") view.firedBox.value = "0"; // of which none fired
    return apply();
  };
  view.classBox = h(
    "select",
    { className: "cc-class", "aria-label": "class", hidden: !meta.classes.length, onchange: chosen },
    h("option", { value: "" }, "all classes"),
    ...meta.classes.map(([value, label]) => h("option", { value }, label)),
  );
  const unknown = data.few.every((n) => n === 255);
  view.firedBox = h(
    "select",
    { className: "cc-fired", "aria-label": "how often it fired", hidden: unknown, onchange: apply },
    ...FIRED.map(([value, label]) => h("option", { value, selected: value === fired }, label)),
  );
  view.filterError = h("div", { className: "cc-filter-error", role: "alert", hidden: true });
  view.chips = h("div", { className: "cc-chips" });
  return [
    h("div", { className: "cc-tools" }, view.classBox, view.firedBox, columnBox(view), view.filterBox),
    view.filterError,
    view.chips,
  ];
}

function columnBox(view) {
  const { state, data } = view;
  const choose = (name) =>
    view.guard((event) => {
      state.columns = event.target.checked ? [...state.columns, name] : state.columns.filter((other) => other !== name);
      drawHead(view);
      return drawRows(view);
    });
  const choice = ({ name, label, help }) =>
    h(
      "label",
      { title: help },
      h("input", {
        type: "checkbox",
        checked: state.columns.includes(name),
        disabled: name === "feature",
        onchange: choose(name),
      }),
      " ",
      apart(label),
    );
  return h(
    "details",
    { className: "cc-choose" },
    h("summary", {}, "columns"),
    h("div", { className: "cc-choices" }, ...[...data.about.values()].map(choice)),
  );
}

function tableElements(view) {
  const press = (props, text, action) => h("button", { type: "button", onclick: view.guard(action), ...props }, text);
  view.head = h("tr");
  view.body = h("tbody");
  view.found = h("span", { className: "cc-found", role: "status" });
  view.back = press({ className: "cc-back", "aria-label": "previous page" }, "‹", () => turn(view, -1));
  view.next = press({ className: "cc-next", "aria-label": "next page" }, "›", () => turn(view, 1));
  view.empty = h(
    "p",
    { className: "cc-empty", hidden: true },
    "No feature passes all conditions. ",
    press({}, "show all", () => clearAll(view)),
  );
  const table = h("table", { className: "cc-table" }, h("thead", {}, view.head), view.body);
  view.scroll = h("div", { className: "cc-scroll", onscroll: () => fade(view.scroll) }, table, view.empty);
  const aside = () => {
    const end = view.scroll.scrollLeft + view.scroll.clientWidth >= view.scroll.scrollWidth - 2;
    view.scroll.scrollTo({ left: end ? 0 : view.scroll.scrollLeft + 0.7 * view.scroll.clientWidth });
  };
  view.scroll.moreButton = press(
    { className: "cc-aside", hidden: true, title: "scroll the table" },
    "more columns ⇄",
    aside,
  );
  const help =
      "j, k: next and previous feature; PageUp, PageDown, Home, End: pages; /: filter, Escape: back to the table",
    keys = h("span", { className: "cc-hint", title: help }, "keys: j k PgDn /");
  return [
    view.scroll,
    h("div", { className: "cc-pages" }, view.back, view.next, view.found, view.scroll.moreButton, keys),
  ];
}
