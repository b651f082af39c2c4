// ---- the panel with the card of the selected feature --------------------------------------------------------------

const PATIENCE = 4000; // milliseconds after which a silent kernel is mentioned
const section = (name, title, ...parts) =>
  h("section", { className: "cc-section", "data-section": name }, h("h4", {}, title), ...parts);
const waiting = (text = "loading …") => h("p", { className: "cc-note cc-loading" }, text);
const SLOW = "No answer yet: the kernel is busy or was stopped.";

// Fill a part of the card when it comes, unless another card is shown by then; an error stays in this part.
function later(el, current, promise, draw) {
  const put = (...nodes) => current() && el.replaceChildren(...nodes),
    late = setTimeout(() => put(waiting(SLOW)), PATIENCE);
  return promise
    .then((found) => put(...draw(found)))
    .catch((error) => put(folded(error)))
    .finally(() => clearTimeout(late));
}

const folded = (error) =>
  h(
    "details",
    { className: "cc-problem" },
    h("summary", {}, apart(String(error.message ?? error))),
    h("pre", {}, error.stack ?? ""),
  );

// ---- label, star and note: kept by the kernel as soon as they are written

async function write(view, feature, said) {
  view.data.notes.set(feature, await view.source.write(feature, said));
  view.map.redraw();
  return drawRows(view);
}

const saidOf = (view, card) => view.data.notes.get(card.feature) ?? card.notes ?? {};

function drawStar(view, card) {
  const show = (on) => {
    star.setAttribute("aria-pressed", String(on));
    star.textContent = on ? "★" : "☆";
  };
  const star = h("button", {
    type: "button",
    className: "cc-star",
    "aria-label": "star",
    title: "star this feature",
    disabled: !view.source.write,
    onclick: view.guard(async () => {
      const on = star.getAttribute("aria-pressed") !== "true";
      await write(view, card.feature, { star: on });
      show(on);
    }),
  });
  show(Boolean(saidOf(view, card).star));
  return star;
}

function drawField(view, card, tag, name, props) {
  const can = Boolean(view.source.write);
  const keep = view.guard(async () => {
    if (el.value !== (view.data.notes.get(card.feature)?.[name] ?? ""))
      await write(view, card.feature, { [name]: el.value });
  });
  const el = h(tag, {
    className: "cc-said",
    value: saidOf(view, card)[name] ?? "",
    readOnly: !can,
    placeholder: can ? `${name} …` : `no ${name}`,
    dir: "auto",
    "aria-label": name,
    onblur: keep,
    onkeydown(event) {
      if (event.key !== "Enter" || tag !== "input") return;
      keep();
      event.stopPropagation();
    },
    ...props,
  });
  return el;
}

const drawKept = ({ source, meta }) =>
  h("p", { className: "cc-hint" }, apart(source.write ? `Labels, stars and notes are kept ${meta.kept}.` : ""));

// ---- examples under tabs

function drawGroup(view, group, card) {
  const whole = view.source.whole ? (example) => view.source.whole(card.feature, example) : null,
    tools = { tooltip: view.tooltip, guard: view.guard, whole };
  const part = ({ title, examples, none }) => [
    ...(title ? [h("div", { className: "cc-part" }, apart(title))] : []),
    ...(examples.length
      ? examples.map((example) => drawExample(example, card, tools))
      : none
        ? [h("p", { className: "cc-hint" }, none)]
        : []),
  ];
  return [
    ...(group.note ? [h("p", { className: "cc-note" }, apart(group.note))] : []),
    ...group.sections.flatMap(part),
  ];
}

function openTab(view, card, current, { tabs, list }, name) {
  view.state.group = name;
  for (const tab of tabs.children) {
    const on = tab.dataset.group === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
  }
  if (name === "strongest") return list.replaceChildren(...drawGroup(view, card.strongest, card));
  list.replaceChildren(waiting());
  const here = () => current() && view.state.group === name;
  return later(list, here, view.source.group(card.feature, name), (group) => drawGroup(view, group, card));
}

function drawTabs(view, card, current) {
  const list = h("div", { className: "cc-examples", role: "tabpanel", "aria-label": "examples" }),
    tabs = h("div", { className: "cc-tabs", role: "tablist" }),
    open = view.guard((name) => openTab(view, card, current, { tabs, list }, name));
  const tab = ([name, label, help]) =>
    h("button", { type: "button", role: "tab", title: help, "data-group": name, onclick: () => open(name) }, label);
  tabs.append(...GROUPS.map(tab));
  tabs.onkeydown = (event) => {
    const at = GROUPS.findIndex(([name]) => name === view.state.group),
      to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
    if (to === undefined) return;
    open(GROUPS[(to + GROUPS.length) % GROUPS.length][0]);
    tabs.querySelector('[aria-selected="true"]').focus();
    event.preventDefault();
    event.stopPropagation();
  };
  open(view.state.group);
  return [tabs, list];
}

// The scale of the colours, and whose part each lane is.
function drawScale(card) {
  const lanes = card.sites.length > 1 && card.sites.length <= LANE.length && card.max_act ? card.sites : [];
  const key = (name, i) => h("span", { className: "cc-key" }, h("i", { style: { background: LANE[i] } }), apart(name));
  return h(
    "div",
    { className: "cc-scale" },
    h("span", {}, "0"),
    h("div", { className: "cc-ramp" }),
    h("span", {}, number(card.max_act)),
    h("span", { className: "cc-hint" }, "activation"),
    ...lanes.map(key),
    ...(lanes.length ? [h("span", { className: "cc-hint" }, "each model's part")] : []),
  );
}

// ---- the other parts

function drawClaim(view, card) {
  const { facts } = card;
  if (card.claim === undefined) return [];
  const question = facts.claimed
    ? `Is it really ${view.shownAs(`${facts.claimed} only`)}?`
    : "Is it really only one model's?";
  const measures = card.measures.map((m) => drawMeasure(m, view.data.about.get(m.name))),
    dispute = facts.dispute ? [h("p", { className: "cc-dispute" }, apart(String(facts.dispute)))] : [];
  return [
    section("claim", apart(question), h("p", { className: "cc-claim" }, apart(card.claim)), ...measures, ...dispute),
  ];
}

function drawOwnGroup({ group }) {
  if (!group) return [];
  const text = [
    h("b", {}, apart(group.name)),
    `, ${count(group.n)} features: reads `,
    apart(group.reads.join(", ")),
    "; writes ",
    apart(group.writes.join(", ")),
    ".",
    group.apart ? " So it belongs there by construction, whatever it has learnt." : "",
  ];
  return [section("group", "Its group", h("p", { className: "cc-claim" }, ...text))];
}

function drawFacts(view, card) {
  const fact = ([name, v]) => {
    const column = view.data.about.get(name);
    return [
      h("dt", { title: column?.help ?? "" }, apart(column?.label ?? name)),
      h("dd", {}, apart(typeof v === "string" ? view.shownAs(v) || "–" : number(v, 6))),
    ];
  };
  return h(
    "details",
    { className: "cc-section" },
    h("summary", {}, "All numbers"),
    h("dl", { className: "cc-facts" }, ...Object.entries(card.facts).flatMap(fact)),
    h("p", { className: "cc-hint" }, view.meta.measured ? `measured on ${view.meta.measured}` : ""),
  );
}

function drawTitle(view, card) {
  const { facts, feature } = card;
  const python = () =>
    `${view.source.python}\nbrowser.selected = ${feature}\n` +
    `browser.df.loc[${feature}]   # its numbers\nbrowser.examples.feature(${feature})   # its strongest texts`;
  view.title.replaceChildren(
    h("h3", {}, `#${feature}`),
    drawStar(view, card),
    ...(facts.class ? [h("span", { className: "cc-badge" }, apart(view.shownAs(facts.class)))] : []),
    drawField(view, card, "input", "label", { type: "text" }),
    copier(view, "Python", "copy this feature as Python", python),
    ...(view.link ? [copier(view, "link", "copy a link to this feature", () => view.link(feature))] : []),
    closer(view),
  );
}

function drawLean({ lean, meta, data }, { facts }) {
  lean.hidden = missing(facts.rel_norm) || meta.names.length !== 2;
  if (lean.hidden) return;
  const knob = h("div", { className: "cc-knob", style: { left: `${100 * clamp(facts.rel_norm, 0, 1)}%` } });
  lean.replaceChildren(
    apart(meta.names[0], "cc-of-first"),
    h("div", { className: "cc-track cc-leaning" }, knob),
    apart(meta.names[1], "cc-of-second"),
    h("b", { title: data.about.get("rel_norm").help }, number(facts.rel_norm)),
  );
}

function drawCard(view, card, current) {
  const lens = h("div", {}, waiting()),
    near = h("div", {}, waiting()),
    go = view.guard((feature) => select(view, feature));
  drawTitle(view, card);
  drawLean(view, card);
  view.contents.replaceChildren(
    ...(card.fires || card.histogram ? [h("p", { className: "cc-fires" }, card.fires)] : []),
    ...(card.histogram ? [drawHistogram(card.histogram)] : []),
    section("examples", "Where it fires", drawScale(card), ...drawTabs(view, card, current)),
    ...drawClaim(view, card),
    ...(card.profile ? [section("profile", "Over places", ...drawProfile(card.profile))] : []),
    ...drawOwnGroup(card),
    section("lens", "What its decoders say", lens),
    section("near", "Neighbours", near),
    section("note", "Note", drawField(view, card, "textarea", "note", { rows: 2 }), drawKept(view)),
    drawFacts(view, card),
  );
  view.contents.scrollTop = 0;
  later(near, current, view.source.neighbours(card.feature), (found) => drawNeighbours(found, go));
  later(lens, current, view.source.lens(card.feature), drawLens).finally(() => fade(view.contents));
  fade(view.contents);
}

// ---- to copy, to close

function copy(root, text, done) {
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

function copier(view, label, title, text) {
  const done = () => {
    button.textContent = "copied";
    setTimeout(() => {
      button.textContent = label;
    }, 1500);
  };
  const button = h(
    "button",
    { type: "button", title, onclick: view.guard(() => copy(view.root, text(), done)) },
    label,
  );
  return button;
}

const closer = ({ root }) =>
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

// ---- selecting a feature

// Table, map and panel say at once which feature is selected; its card follows.
function markPicked(view, row) {
  const { state, panel } = view,
    place = state.rows.indexOf(row),
    was = state.page;
  state.row = row;
  if (place >= 0) state.page = Math.floor(place / PAGE);
  if (state.page === was) markRow(view);
  else drawRows(view).catch(view.complain);
  view.map.pick(row);
  view.problem.hidden = true;
  view.tooltip.hide();
  panel.setAttribute("data-feature", view.data.features[row]);
  panel.removeAttribute("data-ready");
  panel.setAttribute("aria-busy", "true");
  view.root.classList.add("cc-open");
}

// The panel without a card: only the number, and something in its place.
function showInstead(view, feature, ...nodes) {
  view.title.replaceChildren(h("h3", {}, `#${feature}`), closer(view));
  view.lean.hidden = true;
  view.contents.replaceChildren(...nodes);
}

async function pick(view, row) {
  const feature = view.data.features[row],
    ticket = ++view.state.ticket,
    current = () => ticket === view.state.ticket; // a late reply is dropped
  const instead = (...nodes) => current() && showInstead(view, feature, ...nodes);
  markPicked(view, row);
  const asked = view.source.card(feature); // before anybody else hears of the selection and keeps the kernel busy
  view.onSelect(feature);
  const slow = setTimeout(() => instead(waiting()), 250),
    late = setTimeout(() => instead(waiting(SLOW)), PATIENCE);
  try {
    const card = await asked;
    if (!current()) return;
    if (card) drawCard(view, card, current);
    else instead(h("p", { className: "cc-note" }, view.source.missing));
    view.panel.setAttribute("data-ready", "");
  } catch (error) {
    instead();
    if (current()) view.complain(error);
  } finally {
    clearTimeout(slow);
    clearTimeout(late);
    if (current()) view.panel.removeAttribute("aria-busy");
  }
}

function select(view, feature) {
  const row = view.data.place(feature);
  if (row === undefined) view.complain(new Error(`there is no feature ${feature} in this table`));
  else if (row !== view.state.row) return pick(view, row);
}

function step(view, by) {
  const { rows, row } = view.state,
    next = rows[rows.indexOf(row) + by];
  if (next !== undefined) pick(view, next);
}

function panelElements(view) {
  const hint = "Select a feature in the table or on the map.";
  view.title = h("div", { className: "cc-title" }, h("span", { className: "cc-hint" }, hint));
  view.lean = h("div", { className: "cc-lean", hidden: true });
  view.contents = h("div", { className: "cc-contents", tabIndex: -1, onscroll: () => fade(view.contents) });
  view.panel = h("div", { className: "cc-panel" }, view.title, view.lean, view.problem, view.contents);
  return view.panel;
}
