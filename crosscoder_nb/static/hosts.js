// ---- the two hosts -----------------------------------------------------------------------------------------

const KEPT_CARDS = 200; // cards remembered by the widget
const GONE = "The kernel was restarted or stopped. Run this cell again.";
const STAYS = "The kernel was restarted or stopped: what is here stays, and the cell has to be run again for more.";
const WAS_KEPT = "The kernel that made this is gone: run the cell again for map, table and cards. This was kept:";

// A link to a feature ends in #f=24613. In a notebook, which may hold several browsers, the beginning of the
// crosscoder's fingerprint follows, #f=24613@1a2b3c4d. Whenever a page or a browser of this crosscoder is opened at such an address,
// it opens with the feature.
function linkedFeature({ of }) {
  const found = location.hash.match(/^#f=(\d+)(?:@(\w+))?$/);
  return found && (!found[2] || found[2] === of) ? Number(found[1]) : null;
}
const linkTo = (hash) => `${location.href.split(/[?#]/)[0]}#${hash}`;

// Questions to the kernel by number, and who waits for the answers; once it is gone, nobody waits.
function questions(model) {
  const waiting = new Map();
  let asked = 0,
    dead = false;
  function ask(what, about = {}) {
    if (dead) return Promise.reject(new Error(GONE));
    return new Promise((resolve, reject) => {
      waiting.set(++asked, { resolve, reject });
      model.send({ id: asked, ask: what, ...about });
    });
  }
  function receive({ id, answer, error, trace }, buffers) {
    const { resolve, reject } = waiting.get(id) ?? { resolve() {}, reject() {} };
    waiting.delete(id);
    if (error) reject(Object.assign(new Error(error), { stack: trace }));
    else resolve(buffers?.length ? bytesOf(buffers[0]) : answer);
  }
  function end() {
    dead = true;
    for (const { reject } of waiting.values()) reject(new Error(GONE));
    waiting.clear();
  }
  return { ask, receive, end, ended: () => dead };
}

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

// The answers asked for last are remembered.
function remembering(most) {
  const known = new Map();
  return async (key, question) => {
    const answer = known.get(key) ?? (await question());
    known.delete(key);
    known.set(key, answer);
    if (known.size > most) known.delete(known.keys().next().value);
    return answer;
  };
}

function kernelSource(ask, number) {
  const once = remembering(KEPT_CARDS);
  return {
    python: `from crosscoder_nb.browser import FeatureBrowser\nbrowser = FeatureBrowser.opened[${number}]`,
    card: (feature) => once(`card ${feature}`, () => ask("card", { feature })),
    group: (feature, group) => once(`${group} ${feature}`, () => ask("group", { feature, group })),
    lens: (feature) => once(`lens ${feature}`, () => ask("lens", { feature })),
    neighbours: (feature) => once(`near ${feature}`, () => ask("neighbours", { feature })),
    whole: (feature, { window, position, first }) => ask("whole", { feature, window, position: position + first }),
    column: async (name) => unpack(await ask("column", { name })),
    cells: (features, names) => ask("cells", { features, names }),
    search: (text) => ask("search", { text }),
    write: (feature, said) => ask("write", { feature, said }),
  };
}

function showSaved(model, el) {
  el.classList.add("cc", "cc-saved");
  el.replaceChildren(h("div", { className: "cc-stale", role: "status" }, WAS_KEPT), ...savedNodes(model));
}

async function render({ model, el }) {
  const bytes = model.get("_block");
  if (!bytes?.byteLength) return showSaved(model, el); // reopened without its kernel
  el.replaceChildren(h("p", { className: "cc-note" }, "loading …"));
  el.classList.add("cc");
  const { contents, columns } = await unpack(bytesOf(bytes)),
    { meta, texts } = contents,
    { ask, receive, end, ended } = questions(model);
  function onSelect(feature) {
    if (ended() || model.get("selected") === feature) return;
    model.set("selected", feature);
    model.save_changes();
  }
  const link = model.widget_manager?.context ? (feature) => linkTo(`f=${feature}@${meta.of}`) : null, // in JupyterLab
    view = show(el, { meta, columns, texts, source: kernelSource(ask, model.get("number")), onSelect, link });
  const follow = () => model.get("selected") !== null && view.select(model.get("selected")),
    followLink = () => linkedFeature(meta) !== null && view.select(linkedFeature(meta));
  function watch() {
    end();
    view.stale(STAYS);
  }
  const events = { "msg:custom": receive, "change:selected": follow, comm_live_update: watch };
  for (const [name, action] of Object.entries(events)) model.on(name, action);
  addEventListener("hashchange", followLink);
  const forget = keepForLater(model);
  if (linkedFeature(meta) !== null) followLink();
  else if (model.get("selected") === null) view.first();
  else follow();
  return () => {
    for (const [name, action] of Object.entries(events)) model.off(name, action);
    removeEventListener("hashchange", followLink);
    forget();
    view.close();
  };
}

// What a page without a kernel knows is in its file.
function pageSource({ cards, missing }) {
  const says = (card, words) =>
    card.strongest.sections.some((s) => s.examples.some((e) => e.tokens.join("").toLowerCase().includes(words)));
  return {
    missing,
    python: "browser = FeatureBrowser(md)   # of the ModelDiff from which this page was written",
    card: async (feature) => cards[feature] ?? null,
    group: async (feature, group) => cards[feature].groups[group],
    lens: async (feature) => cards[feature].lens,
    neighbours: async (feature) => cards[feature].neighbours,
    search: async (words) =>
      Object.values(cards)
        .filter((card) => says(card, words.toLowerCase()))
        .map((card) => card.feature),
  };
}

// A page without a kernel: `text` is what `page_data` in Python gives.
export async function openPage(el, text) {
  const { contents, columns } = await unpack(Uint8Array.from(atob(text), (c) => c.charCodeAt(0))),
    { meta, texts } = contents,
    link = (feature) => linkTo(`f=${feature}`);
  const onSelect = (feature) => linkedFeature(meta) === feature || history.replaceState(null, "", `#f=${feature}`);
  const view = show(el, { meta, columns, texts, source: pageSource(contents), onSelect, link }),
    follow = () => linkedFeature(meta) !== null && view.select(linkedFeature(meta));
  addEventListener("hashchange", follow);
  if (linkedFeature(meta) === null) await view.first();
  else follow();
  return view;
}

export default { render };
