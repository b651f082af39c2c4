// The feature view: a map, a table and a card. Two hosts: anywidget calls `render` (a block of columns comes as a trait,
// cards and further columns by message from the kernel), the report calls `openPage` (all is in the page). Text enters
// the page as text nodes only, never as markup, so a token that looks like a tag is shown as it is.
// (The end tag of a script must not stand in these files: the report places them between script tags.)

const PAGE = 12; // rows of the table
const SHOWN = 12; // tokens shown on each side of the peak before an example is opened
const KEPT_CARDS = 200; // cards remembered by the widget
const DOTS = 16_000; // from so many features on, the map counts them in cells instead of drawing each
const PATIENCE = 4000; // milliseconds after which a silent kernel is mentioned

// ---- the whole view --------------------------------------------------------------------------------------

// `source` answers: card(feature), group(feature, name), lens(feature), neighbours(feature), search(text), and where
// there is a kernel whole(feature, example), column(name), cells(features, names), write(feature, said).
// Returns { select, ready, map, data, first, stale, close }.
function show(root, { meta, columns, texts, source, onSelect, link }) {
  const data = makeData(meta, columns, texts, source),
    names = meta.names;
  const nulls = meta.nulls.map((_, i) =>
    Object.fromEntries(
      Object.keys(columns)
        .filter((key) => key.startsWith(`${i}/`))
        .map((key) => [key.slice(`${i}/`.length), columns[key]]),
    ),
  );
  const shownAs = (text) => meta.only[text] ?? text;
  const fired = data.few.some((n) => n >= 10) ? "10" : "0";
  const state = {
    rows: [],
    sort: meta.sort,
    down: true,
    page: 0,
    row: null,
    ticket: 0,
    drawn: 0,
    filtered: 0,
    brush: null,
    group: "strongest",
    columns: meta.table.slice(),
  };

  // An error in a handler would be seen by nobody: it is shown in the panel.
  const problem = h("div", { className: "cc-problem", role: "alert", hidden: true });
  function complain(error) {
    problem.hidden = false;
    problem.replaceChildren(
      h("details", {}, h("summary", {}, apart(String(error.message ?? error))), h("pre", {}, error.stack ?? "")),
    );
  }
  const guard =
    (action) =>
    (...args) => {
      try {
        const done = action(...args);
        if (done?.catch) done.catch(complain);
        return done;
      } catch (error) {
        complain(error);
      }
    };

  const tip = h("div", { className: "cc-tip", role: "tooltip", hidden: true });
  const tooltip = {
    show(el, lines, at = null) {
      tip.hidden = false;
      tip.replaceChildren(...lines.map((line) => h("div", {}, apart(line))));
      const box = el.getBoundingClientRect(),
        frame = root.getBoundingClientRect();
      const [x, y] = at ? [box.left + at[0] + 10, box.top + at[1] + 6] : [box.left, box.bottom + 4];
      Object.assign(tip.style, {
        left: `${clamp(x - frame.left, 0, Math.max(0, frame.width - tip.offsetWidth))}px`,
        top: `${y - frame.top}px`,
      });
    },
    hide() {
      tip.hidden = true;
    },
    on(el, lines) {
      el.onmouseenter = () => tooltip.show(el, lines());
      el.onmouseleave = tooltip.hide;
    },
  };

  // ---- the table
  const head = h("tr"),
    body = h("tbody"),
    found = h("span", { className: "cc-found", role: "status" });
  const filterBox = h("input", {
    className: "cc-filter",
    type: "text",
    spellcheck: false,
    autocomplete: "off",
    placeholder: 'rel_norm > 0.9 and (density > 1e-4 or label ~ "sorry")',
    "aria-label": "filter",
    title:
      "conditions with and, or, not, parentheses and ranges such as 0.1 < rel_norm < 0.3; " +
      'text ~ "words" searches the examples, label ~ "words" the labels; or the number of a feature. Enter applies.',
  });
  const classBox = h(
    "select",
    { className: "cc-class", "aria-label": "class", hidden: !meta.classes.length },
    h("option", { value: "" }, `all classes (${count(meta.rows)})`),
    ...meta.classes.map(([value, label, n]) => h("option", { value }, `${label} (${count(n)})`)),
  );
  const firedBox = h(
    "select",
    { className: "cc-fired", "aria-label": "how often it fired", hidden: data.few.every((n) => n === 255) },
    ...[
      ["0", "fired or not"],
      ["1", "fired at all"],
      ["10", "fired 10 times or more"],
      ["100", "fired 100 times or more"],
    ].map(([value, label]) => h("option", { value, selected: value === fired }, label)),
  );
  const filterError = h("div", { className: "cc-filter-error", role: "alert", hidden: true }),
    chips = h("div", { className: "cc-chips" });

  const isWord = (column) => column.kind === "text" || column.kind === "note";

  function drawHead() {
    head.replaceChildren(
      ...state.columns.map((name) => {
        const column = data.about.get(name),
          sorted = state.sort === name;
        const button = h(
          "button",
          { type: "button", title: column.help, "data-column": name, onclick: guard(() => sortBy(name)) },
          apart(column.label, "cc-head-text"),
          h("span", { className: "cc-arrow", "aria-hidden": "true" }, sorted ? (state.down ? " ▼" : " ▲") : ""),
        );
        return h(
          "th",
          {
            scope: "col",
            className: `${isWord(column) ? "cc-word" : ""} ${column.label.length > 24 ? "cc-long" : ""}`,
            "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none",
          },
          button,
        );
      }),
    );
  }

  // The values of a page of rows: those of columns that are here, the others from the kernel.
  async function cellsOf(rows) {
    const absent = state.columns.filter((name) => {
      const c = data.about.get(name);
      return !c.values && c.kind !== "feature" && c.kind !== "note";
    });
    const asked =
      absent.length && rows.length
        ? await source.cells(
            rows.map((row) => data.features[row]),
            absent,
          )
        : {};
    return rows.map((row, i) =>
      state.columns.map((name) => {
        const column = data.about.get(name);
        if (column.kind === "feature") return data.features[row];
        return asked[name] ? asked[name][i] : data.value(column, row);
      }),
    );
  }

  const rowFocused = () =>
    Boolean(document.activeElement?.matches?.(".cc-row") && body.contains(document.activeElement));

  // The row of the selected feature, or else the first one, is the one that Tab reaches.
  function markRow(focused = rowFocused()) {
    const picked = String(data.features[state.row]),
      there = [...body.children].some((tr) => tr.dataset.feature === picked);
    [...body.children].forEach((tr, i) => {
      const own = tr.dataset.feature === picked;
      tr.classList.toggle("cc-selected", own);
      tr.setAttribute("aria-selected", String(own));
      tr.tabIndex = own || (i === 0 && !there) ? 0 : -1;
    });
    if (focused) body.querySelector('[tabindex="0"]')?.focus({ preventScroll: true });
  }

  async function drawRows() {
    const from = state.page * PAGE,
      rows = state.rows.slice(from, from + PAGE),
      drawn = ++state.drawn;
    const cells = await cellsOf(rows);
    if (drawn !== state.drawn) return; // another page was asked for meanwhile
    const digits = state.columns.map((name, k) =>
      data.about.get(name).kind === "number" ? digitsFor(cells.map((line) => line[k])) : 0,
    );
    const text = (name, v, k) => {
      const column = data.about.get(name);
      if (column.kind === "feature") return `#${v}${data.notes.get(v)?.star ? " ★" : ""}`;
      if (column.kind === "number") return number(v, digits[k]);
      return name === "star" ? (v ? "★" : "") : shownAs(String(v));
    };
    const focused = rowFocused();
    body.replaceChildren(
      ...rows.map((row, i) =>
        h(
          "tr",
          { className: "cc-row", "data-feature": data.features[row], onclick: guard(() => pick(row)) },
          ...cells[i].map((v, k) => {
            const c = data.about.get(state.columns[k]);
            const shown = text(state.columns[k], v, k);
            return h(
              "td",
              {
                className: c.kind === "number" ? "cc-number" : "cc-word",
                title: shown.length > 24 ? shown : undefined,
              },
              apart(shown),
            );
          }),
        ),
      ),
    );
    markRow(focused);
    const end = from + rows.length;
    found.textContent = rows.length
      ? `${count(from + 1)}–${count(end)} of ${count(state.rows.length)} (${count(meta.rows)} features)`
      : `none of ${count(meta.rows)} features`;
    empty.hidden = rows.length > 0;
    back.disabled = from === 0;
    next.disabled = end >= state.rows.length;
  }

  function turn(pages) {
    state.page = clamp(state.page + pages, 0, Math.max(0, Math.ceil(state.rows.length / PAGE) - 1));
    return drawRows();
  }
  const back = h(
    "button",
    { type: "button", className: "cc-back", "aria-label": "previous page", onclick: guard(() => turn(-1)) },
    "‹",
  );
  const next = h(
    "button",
    { type: "button", className: "cc-next", "aria-label": "next page", onclick: guard(() => turn(1)) },
    "›",
  );
  const empty = h(
    "p",
    { className: "cc-empty", hidden: true },
    "No feature passes all conditions. ",
    h("button", { type: "button", onclick: guard(() => clearAll()) }, "show all"),
  );

  async function sortBy(name) {
    state.down = state.sort === name ? !state.down : true;
    state.sort = name;
    state.page = 0;
    await data.need([name]);
    sortRows(data, state.rows, name, state.down);
    drawHead();
    return drawRows();
  }

  async function applyFilter() {
    let filter;
    try {
      filter = readFilter(filterBox.value, data, shownAs);
      filterError.hidden = true;
    } catch (error) {
      filterError.hidden = false;
      filterError.textContent =
        `${error.message}. Write conditions such as  rel_norm > 0.9 and density > 1e-4 . ` +
        `Columns: ${[...data.about.keys()].join(", ")}, text`;
      return;
    }
    const ticket = ++state.filtered,
      chosen = classBox.value,
      least = Number(firedBox.value),
      classOf = data.about.get("class");
    await data.need([
      ...filter.names,
      state.sort,
      ...(chosen ? ["class"] : []),
      ...(state.brush ?? []).map((side) => side.name),
    ]);
    for (const words of filter.words) {
      found.textContent = "searching the examples …";
      filter.found.set(words, new Set(await source.search(words)));
    }
    if (ticket !== state.filtered) return;
    const sides = (state.brush ?? []).map((side) => ({ ...side, values: data.about.get(side.name).values }));
    const rows = [];
    for (let row = 0; row < meta.rows; row++) {
      if (filter.alone) {
        if (filter.test(row)) rows.push(row);
        continue;
      } // a number finds its feature, whatever else is chosen
      if (data.few[row] < least || (chosen && data.value(classOf, row) !== chosen)) continue;
      if (sides.every(({ values, low, high }) => values[row] >= low && values[row] <= high) && filter.test(row))
        rows.push(row);
    }
    state.rows = sortRows(data, rows, state.sort, state.down);
    state.page = 0;
    drawChips();
    await showMap();
    return drawRows();
  }

  function clearAll() {
    filterBox.value = "";
    classBox.value = "";
    firedBox.value = "0";
    state.brush = null;
    return applyFilter();
  }

  // The brush is a condition like the others, to be seen and removed.
  function drawChips() {
    chips.replaceChildren(
      ...(state.brush
        ? [
            h(
              "button",
              {
                type: "button",
                className: "cc-chip",
                title: "remove this condition",
                onclick: guard(() => {
                  state.brush = null;
                  return applyFilter();
                }),
              },
              apart(
                state.brush.map((s) => `${s.label.split(" (")[0]} ${number(s.low)} to ${number(s.high)}`).join(", "),
              ),
              " ✕",
            ),
          ]
        : []),
    );
  }

  let everybody = [],
    least = null;
  async function showMap() {
    if (firedBox.value !== least) {
      least = firedBox.value;
      everybody = [];
      for (let row = 0; row < meta.rows; row++) if (data.few[row] >= Number(least)) everybody.push(row);
    }
    map.show(state.rows, everybody);
  }

  const map = makeMap({
    data,
    meta,
    nulls,
    tooltip,
    onPick: guard((row) => pick(row)),
    onBrush: guard((sides) => {
      state.brush = sides;
      return applyFilter();
    }),
    onAxes: guard(async (axes) => {
      await data.need(axes);
      map.axes();
    }),
  });

  // ---- the card
  const panel = h("div", { className: "cc-panel" }),
    contents = h("div", { className: "cc-contents", tabIndex: -1 });
  const section = (name, title, ...parts) =>
    h("section", { className: "cc-section", "data-section": name }, h("h4", {}, title), ...parts);

  function copy(text, button) {
    const done = () => {
      button.textContent = "copied";
      setTimeout(() => {
        button.textContent = button.dataset.text;
      }, 1500);
    };
    const byHand = () => {
      const area = h("textarea", { value: text, className: "cc-copied" });
      root.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      done();
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand);
    else byHand();
  }
  const copier = (label, title, text) => {
    const button = h(
      "button",
      { type: "button", title, "data-text": label, onclick: guard(() => copy(text(), button)) },
      label,
    );
    return button;
  };

  // Label, star and note: kept by the kernel as soon as they are written.
  async function write(feature, said) {
    const known = await source.write(feature, said);
    data.notes.set(feature, known);
    map.redraw();
    return drawRows();
  }

  function drawNotes(card) {
    const { feature } = card,
      said = data.notes.get(feature) ?? card.notes ?? {},
      can = Boolean(source.write);
    const star = h(
      "button",
      {
        type: "button",
        className: "cc-star",
        "aria-pressed": String(Boolean(said.star)),
        "aria-label": "star",
        title: "star this feature",
        disabled: !can,
      },
      said.star ? "★" : "☆",
    );
    star.onclick = guard(async () => {
      const on = star.getAttribute("aria-pressed") !== "true";
      await write(feature, { star: on });
      star.setAttribute("aria-pressed", String(on));
      star.textContent = on ? "★" : "☆";
    });
    const field = (tag, name, props) => {
      const el = h(tag, { value: said[name] ?? "", readOnly: !can, "aria-label": name, ...props });
      const keep = guard(async () => {
        if (el.value !== (data.notes.get(feature)?.[name] ?? "")) await write(feature, { [name]: el.value });
      });
      el.onblur = keep;
      el.onkeydown = (event) => {
        if (event.key === "Enter" && tag === "input") {
          keep();
          event.stopPropagation();
        }
      };
      return el;
    };
    return {
      star,
      label: field("input", "label", {
        className: "cc-said",
        type: "text",
        placeholder: can ? "label …" : "no label",
        dir: "auto",
      }),
      note: field("textarea", "note", {
        className: "cc-said",
        rows: 2,
        placeholder: can ? "note …" : "no note",
        dir: "auto",
      }),
    };
  }

  const waiting = (text = "loading …") => h("p", { className: "cc-note cc-loading" }, text);
  // Fill a part of the card when it comes, unless another card is shown by then; an error stays in this part.
  function later(el, current, promise, draw) {
    const late = setTimeout(() => {
      if (current()) el.replaceChildren(waiting("No answer yet: the kernel is busy or was stopped."));
    }, PATIENCE);
    return promise
      .then((found) => {
        if (current()) el.replaceChildren(...draw(found));
      })
      .catch((error) => {
        if (current())
          el.replaceChildren(
            h(
              "details",
              { className: "cc-problem" },
              h("summary", {}, apart(String(error.message ?? error))),
              h("pre", {}, error.stack ?? ""),
            ),
          );
      })
      .finally(() => clearTimeout(late));
  }

  function drawGroup(group, card) {
    if (!group.sections.length) return [h("p", { className: "cc-note" }, group.note)];
    const whole = source.whole ? (example) => source.whole(card.feature, example) : null;
    return group.sections.flatMap(({ title, examples }) => [
      ...(title ? [h("div", { className: "cc-part" }, title)] : []),
      ...(examples.length
        ? examples.map((example) => drawExample(example, card, { tooltip, whole, guard }))
        : [h("p", { className: "cc-hint" }, "no example of this strength was drawn")]),
    ]);
  }

  function drawExamples(card, current) {
    const list = h("div", { className: "cc-examples", role: "tabpanel", "aria-label": "examples" }),
      tabs = h("div", { className: "cc-tabs", role: "tablist" });
    const open = guard((name) => {
      state.group = name;
      for (const tab of tabs.children) {
        const on = tab.dataset.group === name;
        tab.setAttribute("aria-selected", String(on));
        tab.tabIndex = on ? 0 : -1;
      }
      if (name === "strongest") {
        list.replaceChildren(...drawGroup(card.strongest, card));
        return;
      }
      list.replaceChildren(waiting());
      return later(
        list,
        () => current() && state.group === name,
        source.group(card.feature, name),
        (group) => drawGroup(group, card),
      );
    });
    tabs.append(
      ...GROUPS.map(([name, label, help]) =>
        h("button", { type: "button", role: "tab", title: help, "data-group": name, onclick: () => open(name) }, label),
      ),
    );
    tabs.onkeydown = (event) => {
      const at = GROUPS.findIndex(([name]) => name === state.group),
        to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
      if (to === undefined) return;
      open(GROUPS[(to + GROUPS.length) % GROUPS.length][0]);
      tabs.querySelector('[aria-selected="true"]').focus();
      event.preventDefault();
      event.stopPropagation();
    };
    open(GROUPS.some(([name]) => name === state.group) ? state.group : "strongest");
    const key =
      card.sites.length > 1 && card.sites.length <= 4 && card.max_act
        ? card.sites.map((name, i) =>
            h("span", { className: "cc-key" }, h("i", { style: { background: LANE[i] } }), apart(name)),
          )
        : [];
    return section(
      "examples",
      "Where it fires",
      h(
        "div",
        { className: "cc-scale" },
        h("span", {}, "0"),
        h("div", { className: "cc-ramp" }),
        h("span", {}, number(card.max_act)),
        h("span", { className: "cc-hint" }, "activation"),
        ...key,
        ...(key.length ? [h("span", { className: "cc-hint" }, "each model's part")] : []),
      ),
      tabs,
      list,
    );
  }

  function drawCard(card, current) {
    const { facts } = card,
      parts = [];
    if (card.fires || card.histogram) parts.push(h("p", { className: "cc-fires" }, card.fires));
    if (card.histogram) parts.push(drawHistogram(card.histogram));
    parts.push(drawExamples(card, current));
    if (card.claim !== undefined)
      parts.push(
        section(
          "claim",
          facts.claimed
            ? h("span", {}, "Is it really only ", apart(facts.claimed), "?")
            : "Is it really only one model's?",
          h("p", { className: "cc-claim" }, apart(card.claim)),
          ...card.measures.map((m) => drawMeasure(m, data.about.get(m.name))),
          ...(facts.dispute ? [h("p", { className: "cc-dispute" }, apart(String(facts.dispute)))] : []),
        ),
      );
    if (card.profile) parts.push(section("profile", "Over places", ...drawProfile(card.profile)));
    if (card.group)
      parts.push(
        section(
          "group",
          "Its group",
          h(
            "p",
            { className: "cc-claim" },
            h("b", {}, apart(card.group.name)),
            `, ${count(card.group.n)} features: reads `,
            apart(card.group.reads.join(", ")),
            "; writes ",
            apart(card.group.writes.join(", ")),
            ".",
          ),
        ),
      );
    const lens = h("div", {}, waiting()),
      near = h("div", {}, waiting());
    parts.push(section("lens", "What its decoders say", lens), section("near", "Neighbours", near));
    later(near, current, source.neighbours(card.feature), (found) => drawNeighbours(found, guard(select)));
    later(lens, current, source.lens(card.feature), drawLens);
    const notes = drawNotes(card);
    parts.push(section("note", "Note", notes.note));
    parts.push(
      h(
        "details",
        { className: "cc-section" },
        h("summary", {}, "All numbers"),
        h(
          "dl",
          { className: "cc-facts" },
          ...Object.entries(facts).flatMap(([name, v]) => {
            const column = data.about.get(name);
            return [
              h("dt", { title: column?.help ?? "" }, apart(column?.label ?? name)),
              h("dd", {}, apart(typeof v === "string" ? shownAs(v) || "–" : number(v, 6))),
            ];
          }),
        ),
        h("p", { className: "cc-hint" }, meta.measured ? `measured on ${meta.measured}` : ""),
      ),
    );
    const badge = facts.class ? [h("span", { className: "cc-badge" }, apart(shownAs(facts.class)))] : [];
    const python = () =>
      `browser.selected = ${card.feature}\n` +
      `browser.df.loc[${card.feature}]          # its numbers\n` +
      `browser.examples.feature(${card.feature})   # its strongest texts`;
    title.replaceChildren(
      h("h3", {}, `#${card.feature}`),
      notes.star,
      ...badge,
      notes.label,
      copier("Python", "copy this feature as Python", python),
      ...(link ? [copier("link", "copy a link to this feature", () => link(card.feature))] : []),
      closer(),
    );
    lean.hidden = missing(facts.rel_norm) || names.length !== 2;
    if (!lean.hidden)
      lean.replaceChildren(
        apart(names[0], "cc-of-first"),
        h(
          "div",
          { className: "cc-track cc-leaning" },
          h("div", { className: "cc-knob", style: { left: `${100 * clamp(facts.rel_norm, 0, 1)}%` } }),
        ),
        apart(names[1], "cc-of-second"),
        h("b", { title: data.about.get("rel_norm").help }, number(facts.rel_norm)),
      );
    contents.replaceChildren(...parts);
    contents.scrollTop = 0;
  }

  const title = h(
      "div",
      { className: "cc-title" },
      h("span", { className: "cc-hint" }, "Select a feature in the table or on the map."),
    ),
    lean = h("div", { className: "cc-lean", hidden: true });

  async function pick(row) {
    const feature = data.features[row],
      ticket = ++state.ticket,
      current = () => ticket === state.ticket; // a late reply is dropped
    state.row = row;
    const place = state.rows.indexOf(row),
      was = state.page;
    if (place >= 0) state.page = Math.floor(place / PAGE);
    if (state.page === was) markRow();
    else drawRows().catch(complain);
    map.pick(row);
    problem.hidden = true;
    tooltip.hide();
    panel.setAttribute("data-feature", feature);
    panel.removeAttribute("data-ready");
    panel.setAttribute("aria-busy", "true");
    root.classList.add("cc-open");
    const asked = source.card(feature); // before anybody else hears of the selection and keeps the kernel busy
    onSelect(feature);
    const slow = setTimeout(() => {
      if (current()) {
        title.replaceChildren(h("h3", {}, `#${feature}`));
        lean.hidden = true;
        contents.replaceChildren(waiting());
      }
    }, 250);
    const late = setTimeout(() => {
      if (current()) contents.replaceChildren(waiting("No answer yet: the kernel is busy or was stopped."));
    }, PATIENCE);
    try {
      const card = await asked;
      if (!current()) return;
      if (!card) {
        title.replaceChildren(h("h3", {}, `#${feature}`), closer());
        lean.hidden = true;
        contents.replaceChildren(h("p", { className: "cc-note" }, source.missing));
      } else drawCard(card, current);
      panel.setAttribute("data-ready", "");
    } catch (error) {
      if (current()) {
        title.replaceChildren(h("h3", {}, `#${feature}`), closer());
        lean.hidden = true;
        contents.replaceChildren();
        complain(error);
      }
    } finally {
      clearTimeout(slow);
      clearTimeout(late);
      if (current()) panel.removeAttribute("aria-busy");
    }
  }
  const closer = () =>
    h(
      "button",
      {
        type: "button",
        className: "cc-close",
        "aria-label": "close the card",
        onclick: () => root.classList.remove("cc-open"),
      },
      "✕",
    );

  function select(feature) {
    const row = data.place(feature);
    if (row === undefined) complain(new Error(`there is no feature ${feature} in this table`));
    else if (row !== state.row) return pick(row);
  }

  function step(by) {
    const place = state.rows.indexOf(state.row) + by;
    if (place >= 0 && place < state.rows.length) {
      pick(state.rows[place]);
      return true;
    }
  }

  filterBox.onkeydown = (event) => {
    if (event.key === "Enter") guard(applyFilter)();
  };
  classBox.onchange = firedBox.onchange = guard(applyFilter);
  const columnBox = h(
    "details",
    { className: "cc-choose" },
    h("summary", {}, "columns"),
    h(
      "div",
      { className: "cc-choices" },
      ...[...data.about.values()].map((c) =>
        h(
          "label",
          { title: c.help },
          h("input", {
            type: "checkbox",
            checked: state.columns.includes(c.name),
            disabled: c.name === "feature",
            onchange: guard((e) => {
              state.columns = e.target.checked
                ? [...state.columns, c.name]
                : state.columns.filter((name) => name !== c.name);
              drawHead();
              return drawRows();
            }),
          }),
          " ",
          apart(c.label),
        ),
      ),
    ),
  );

  root.classList.add("cc");
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.tabIndex = -1;
  root.onkeydown = guard((event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    let done = true;
    const { key } = event;
    if (event.target === map.canvas && map.key(event)) done = true;
    // JupyterLab keeps the browser's own Enter from reaching buttons, so it is handled here.
    else if ((key === "Enter" || key === " ") && event.target.matches("button, .cc-example, .cc-row, summary"))
      event.target.click();
    else if (key === "j" || (key === "ArrowDown" && event.target.matches(".cc-row"))) step(1);
    else if (key === "k" || (key === "ArrowUp" && event.target.matches(".cc-row"))) step(-1);
    else if (key === "Escape") {
      root.classList.remove("cc-open");
      tooltip.hide();
    } else if (key === "/") filterBox.focus();
    else done = false;
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  });

  const stale = h("div", { className: "cc-stale", role: "status", hidden: true });
  panel.append(title, lean, problem, contents);
  root.replaceChildren(
    h(
      "header",
      { className: "cc-head" },
      ...names.flatMap((name, i) => [
        ...(i ? [h("span", { className: "cc-hint" }, "vs")] : []),
        h("b", { className: i === 0 ? "cc-of-first" : i === 1 ? "cc-of-second" : "" }, apart(name)),
      ]),
      ...meta.facts.map(([label, value, help]) =>
        h("span", { className: "cc-item", title: help }, apart(label), " ", h("b", {}, apart(value))),
      ),
    ),
    ...meta.notices.map((text) => h("div", { className: "cc-notice", role: "note" }, apart(text))),
    stale,
    h(
      "div",
      { className: "cc-columns" },
      h(
        "section",
        { className: "cc-left", "aria-label": "features" },
        map.el,
        h("div", { className: "cc-tools" }, classBox, firedBox, columnBox, filterBox),
        filterError,
        chips,
        h("div", { className: "cc-scroll" }, h("table", { className: "cc-table" }, h("thead", {}, head), body), empty),
        h(
          "div",
          { className: "cc-pages" },
          back,
          next,
          found,
          h("span", { className: "cc-hint" }, "j k: next, previous   /: filter"),
        ),
      ),
      h("section", { className: "cc-right", "aria-label": "feature" }, panel),
    ),
    tip,
  );
  drawHead();
  const ready = guard(applyFilter)();
  return {
    select,
    ready,
    map,
    data,
    first: () =>
      Promise.resolve(ready)
        .then(() => {
          if (state.rows.length && state.row === null) return pick(state.rows[0]);
        })
        .then(() => root.classList.remove("cc-open")),
    stale(text) {
      stale.hidden = !text;
      stale.replaceChildren(text);
    },
    close: map.close,
  };
}

// ---- the two hosts -----------------------------------------------------------------------------------------

async function render({ model, el }) {
  const bytes = model.get("_block");
  if (!bytes || !bytes.byteLength) {
    // reopened without its kernel
    el.classList.add("cc", "cc-saved");
    el.replaceChildren(
      h(
        "div",
        { className: "cc-stale", role: "status" },
        "The kernel that made this is gone: run the cell again for map, table and cards. This was kept:",
      ),
      ...savedNodes(model),
    );
    return () => {};
  }
  const cards = new Map(),
    waiting = new Map(); // question -> answer, least recently used first; number -> who waits
  let asked = 0,
    dead = false;

  function ask(what, about = {}) {
    if (dead) return Promise.reject(new Error("The kernel was restarted or stopped. Run this cell again."));
    return new Promise((resolve, reject) => {
      waiting.set(++asked, { resolve, reject });
      model.send({ id: asked, ask: what, ...about });
    });
  }

  function receive({ id, answer, error, trace }, buffers) {
    const { resolve, reject } = waiting.get(id) ?? { resolve() {}, reject() {} };
    waiting.delete(id);
    if (error) reject(Object.assign(new Error(error), { stack: trace }));
    else
      resolve(
        buffers?.length ? new Uint8Array(buffers[0].buffer, buffers[0].byteOffset, buffers[0].byteLength) : answer,
      );
  }

  async function remembered(key, question) {
    const known = cards.get(key) ?? (await question());
    cards.delete(key);
    cards.set(key, known);
    if (cards.size > KEPT_CARDS) cards.delete(cards.keys().next().value);
    return known;
  }

  const source = {
    card: (feature) => remembered(`card ${feature}`, () => ask("card", { feature })),
    group: (feature, group) => remembered(`${group} ${feature}`, () => ask("group", { feature, group })),
    lens: (feature) => remembered(`lens ${feature}`, () => ask("lens", { feature })),
    neighbours: (feature) => remembered(`near ${feature}`, () => ask("neighbours", { feature })),
    whole: (feature, { window, position, first }) => ask("whole", { feature, window, position: position + first }),
    column: async (name) => unpack(await ask("column", { name })),
    cells: (features, names) => ask("cells", { features, names }),
    search: (text) => ask("search", { text }),
    write: (feature, said) => ask("write", { feature, said }),
  };
  el.replaceChildren(h("p", { className: "cc-note" }, "loading …"));
  el.classList.add("cc");
  const { contents, columns } = await unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const view = show(el, {
    meta: contents.meta,
    columns,
    texts: contents.texts,
    source,
    onSelect(feature) {
      if (!dead && model.get("selected") !== feature) {
        model.set("selected", feature);
        model.save_changes();
      }
    },
  });
  const follow = () => {
    if (model.get("selected") !== null) view.select(model.get("selected"));
  };
  function watch() {
    dead = true;
    view.stale("The kernel was restarted or stopped: what is here stays, and the cell has to be run again for more.");
    for (const { reject } of waiting.values())
      reject(new Error("The kernel was restarted or stopped. Run this cell again."));
    waiting.clear();
  }
  model.on("msg:custom", receive);
  model.on("change:selected", follow);
  model.on("comm_live_update", watch);
  const forget = keepForLater(model);
  if (model.get("selected") === null) view.first();
  else follow();
  el.dispatchEvent(new CustomEvent("cc-ready", { bubbles: true }));
  return () => {
    model.off("msg:custom", receive);
    model.off("change:selected", follow);
    model.off("comm_live_update", watch);
    forget();
    view.close();
  };
}

// A page without a kernel: `text` is what `page_data` in Python gives.
export async function openPage(el, text) {
  const { contents, columns } = await unpack(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  const { meta, cards, texts } = contents,
    asked = () => {
      const found = location.hash.match(/^#f=(\d+)$/);
      return found && Number(found[1]);
    };
  const has = (card, words) =>
    card.strongest.sections.some((s) =>
      s.examples.some((e) => e.tokens.join("").toLowerCase().includes(words.toLowerCase())),
    );
  const source = {
    missing: contents.missing,
    card: async (feature) => cards[feature] ?? null,
    group: async (feature, group) => cards[feature].groups[group],
    lens: async (feature) => cards[feature].lens,
    neighbours: async (feature) => cards[feature].neighbours,
    search: async (words) =>
      Object.values(cards)
        .filter((card) => has(card, words))
        .map((card) => card.feature),
  };
  const view = show(el, {
    meta,
    columns,
    texts,
    source,
    link: (feature) => `${location.href.split("#")[0]}#f=${feature}`,
    onSelect(feature) {
      if (asked() !== feature) history.replaceState(null, "", `#f=${feature}`);
    },
  });
  const follow = () => {
    if (asked() !== null) view.select(asked());
  };
  addEventListener("hashchange", follow);
  if (asked() === null) await view.first();
  else follow();
  return view;
}

export default { render };
