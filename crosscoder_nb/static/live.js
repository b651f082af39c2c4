// Prompt bar and steering drawer, after kept.js.
// Everything that comes from a model or a data set is put on the page as a text node.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const text = (value) => make("bdi", {}, String(value));
const short = (value) => String(Number(Number(value).toPrecision(3)));
const visible = (token) => token.replace(/\n/g, "⏎").replace(/\t/g, "⇥") || "·";

const LATE = "Waiting for the kernel … If it was restarted, run the cell again.";
const GONE = "The kernel of this page does not answer: it was restarted or is gone. Run the cell again.";

// Questions to the kernel. An answer that comes after a newer question of the same kind is dropped.
function asker(model, say) {
  const waiting = new Map(),
    latest = {};
  let count = 0;
  model.on("msg:custom", (answer) => {
    const asked = waiting.get(answer.answer);
    if (!asked) return;
    waiting.delete(answer.answer);
    clearTimeout(asked.patience);
    if (latest[asked.kind] !== answer.answer) return;
    say("");
    if (!answer.error) return asked.then(answer);
    say(answer.error, answer.trace);
    asked.failed();
  });
  return (kind, question, then, failed = () => {}) => {
    const ask = ++count;
    latest[kind] = ask;
    const patience = setTimeout(() => say(LATE), 1500);
    waiting.set(ask, { kind, then, failed, patience });
    try {
      model.send({ ask, kind, ...question });
    } catch (error) {
      clearTimeout(patience);
      say(GONE);
      failed();
    }
  };
}

// A line for what goes on, and for errors with their details folded.
function speaker() {
  const node = make("div", { class: "cl-said", role: "status", "aria-live": "polite" });
  const say = (sentence, trace) => {
    node.classList.toggle("cl-bad", Boolean(trace) || sentence === GONE);
    node.replaceChildren(text(sentence));
    if (trace) node.append(make("details", {}, make("summary", {}, "details"), make("pre", {}, trace)));
  };
  return [node, say];
}

// How the features on a token are sorted, and what that means.
const ORDERS = {
  activation: "the feature's activation on this token",
  difference: "between the parts that the two models have in it",
  effect: "on the log-probability of the token that follows, by taking the feature out on this token",
};
const HINT =
  "Click a token, or go to it with the arrow keys, for all features that fire on it. " +
  "Grey ones do not count, as in training.";
const NO_FEATURES = "This token does not count: crosscoders do not learn from first tokens.";

function promptBar(model, el) {
  const { labels, chat, prompt } = model.get("about");
  const [said, say] = speaker(),
    ask = asker(model, say);
  const two = labels.length === 2;
  let tokens = [],
    counts = [],
    by = "activation",
    token = null;

  const input = make("textarea", {
    "aria-label": "prompt",
    rows: 2,
    placeholder: "Type a text and press Run, or Ctrl and Enter",
  });
  const asChat = make("input", { type: "checkbox" });
  const strip = make("div", { class: "cl-tokens", role: "group", "aria-label": "tokens of the prompt" });
  const along = make("div", { class: "cl-said", "aria-live": "polite" });
  const list = make("div", {});
  input.value = prompt;

  const read = () =>
    ask("read", { text: input.value, chat: asChat.checked }, (answer) => {
      ({ tokens, counts } = answer);
      token = null;
      const cut = answer.is_cut ? `Only the first ${tokens.length} tokens are read. ` : "";
      list.replaceChildren(make("div", { class: "cl-hint" }, cut + HINT));
      drawTokens();
      follow();
    });

  function drawTokens() {
    strip.replaceChildren(
      ...tokens.map((t, i) => {
        const node = make(
          "button",
          { class: "cl-token" + (counts[i] ? "" : " cl-out"), "aria-pressed": "false", tabindex: i ? -1 : 0 },
          text(visible(t)),
        );
        node.addEventListener("click", () => pick(i));
        return node;
      }),
    );
  }

  strip.addEventListener("keydown", (event) => {
    const at = [...strip.children].indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tokens.length - 1 }[event.key];
    if (at < 0 || to === undefined || !strip.children[to]) return;
    event.preventDefault();
    event.stopPropagation();
    strip.children[to].focus();
  });

  function pick(i) {
    token = i;
    [...strip.children].forEach((node, j) => {
      node.setAttribute("aria-pressed", String(j === i));
      node.tabIndex = j === i ? 0 : -1;
    });
    ask("token", { token: i, by }, drawList);
  }

  function sortBy(name) {
    by = name;
    pick(token);
  }

  function drawList({ features, heads, note }) {
    const name = text(`“${visible(tokens[token])}”`);
    const orders = Object.entries(ORDERS).filter(([order]) => two || order !== "difference");
    const where = make("div", { class: "cl-row" }, make("b", {}, "Features on ", name), "sorted by");
    for (const [order, title] of orders)
      where.append(
        make("button", { "aria-pressed": String(by === order), title, onclick: () => sortBy(order) }, order),
      );
    if (!features.length) {
      where.append(counts[token] ? "None fires here." : NO_FEATURES);
      return list.replaceChildren(where);
    }
    const head = ["feature", ...heads, "what is known"].map((name) =>
      make("th", { scope: "col", title: name }, text(name)),
    );
    const body = make("tbody", {}, ...features.map(drawRow));
    list.replaceChildren(
      where,
      ...(note ? [make("div", { class: "cl-said" }, text(note))] : []),
      make("table", { class: "cl-found" }, make("thead", {}, make("tr", {}, ...head)), body),
    );
  }

  function drawRow({ feature, values, said }) {
    const pressed = String(model.get("selected") === feature);
    const open = { "data-feature": feature, "aria-pressed": pressed, onclick: () => select(feature) };
    return make(
      "tr",
      {},
      make("td", {}, make("button", open, `#${feature}`)),
      ...values.map((v) => make("td", {}, short(v))),
      make("td", { title: said }, text(said)),
    );
  }

  function select(feature) {
    model.set("selected", feature);
    model.save_changes();
    follow();
  }

  function follow() {
    const feature = model.get("selected");
    for (const b of list.querySelectorAll("[data-feature]"))
      b.setAttribute("aria-pressed", String(Number(b.dataset.feature) === feature));
    if (feature == null || !tokens.length) return paint([], "");
    ask("feature", { feature }, (answer) => paint(answer.values, answer.said, feature));
  }

  function paint(values, known, feature) {
    const most = Math.max(...values.map((v) => v[0]), 0),
      part = Math.max(...values.flatMap((v) => v.slice(1)), 0);
    [...strip.children].forEach((node, i) => {
      const [act, ...parts] = values[i] ?? [0];
      node.style.setProperty("--act", most ? (0.75 * act) / most : 0);
      node.style.setProperty("--one", two && part ? Math.max(0, parts[0] ?? 0) / part : 0);
      node.style.setProperty("--two", two && part ? Math.max(0, parts[1] ?? 0) / part : 0);
      const details = act
        ? [`activation ${short(act)}`, ...labels.map((l, j) => `part of ${l} ${short(parts[j])}`)].join(", ")
        : counts[i]
          ? "silent"
          : "does not count";
      node.title = feature == null ? "" : `#${feature}: ${details}`;
      node.setAttribute("aria-label", `${visible(tokens[i])}${feature == null ? "" : `, ${details}`}`);
    });
    if (feature == null) return along.replaceChildren();
    const scale = most ? ` · shade: activation, up to ${short(most)}` : " · silent along this prompt";
    along.replaceChildren(make("b", {}, `#${feature}`), " ", text(known), scale);
    if (two && most)
      along.append(
        " · bar above: part of ",
        make("b", { class: "cl-first" }, text(labels[0])),
        ", below: of ",
        make("b", { class: "cl-second" }, text(labels[1])),
      );
  }

  input.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the notebook's own keys
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      read();
    }
  });
  model.on("change:selected", follow);
  el.append(
    make(
      "section",
      { class: "cl", "aria-label": "prompt" },
      make("h3", {}, "Prompt"),
      make(
        "div",
        { class: "cl-row" },
        input,
        ...(chat ? [make("label", {}, asChat, " as a chat")] : []),
        make("button", { class: "cl-run", onclick: read }, "Run"),
      ),
      said,
      strip,
      along,
      list,
    ),
  );
  if (prompt) read();
}

function steeringDrawer(model, el) {
  const about = model.get("about");
  const [said, say] = speaker(),
    ask = asker(model, say);
  const field = (label, node) => make("label", {}, `${label} `, node);
  const feature = make("input", { type: "number", min: 0, class: "cl-feature" });
  const at = make("select", {}, ...about.places.map((place) => make("option", { value: place }, place)));
  const mode = make(
    "select",
    {},
    make("option", { value: "add" }, "add"),
    make("option", { value: "clamp" }, "hold at"),
  );
  const strengths = make("input", { value: "1, 3, -1", size: 12 });
  const length = make("input", { type: "number", min: 1, max: 500, value: 30 });
  const input = make("textarea", {
    "aria-label": "text to continue",
    rows: 2,
    placeholder: "A text that the model continues",
  });
  const asChat = make("input", { type: "checkbox" });
  const plan = make("div", { class: "cl-said" });
  const results = make("div", { class: "cl-written", "aria-live": "polite" });
  const write = make("button", { class: "cl-write" }, "Write");
  input.value = about.prompt;
  at.value = about.places.at(-1);
  for (const node of [feature, strengths, length, input])
    node.addEventListener("keydown", (event) => event.stopPropagation());

  const numbers = () =>
    strengths.value
      .split(/[,;\s]+/)
      .filter(Boolean)
      .map(Number);
  const chosen = () => ({ feature: feature.valueAsNumber, at: at.value, mode: mode.value });

  // What would be done with the feature; `place` null: where it belongs, which the answer says.
  function describe(place) {
    const asked = numbers();
    plan.replaceChildren();
    write.disabled = true;
    if (Number.isNaN(feature.valueAsNumber))
      return say("Choose a feature: click one in the browser or in the prompt, or type its number.");
    if (!asked.length || asked.some(Number.isNaN))
      return say("Strengths are numbers, with commas between them, such as 1, 3, -1.");
    ask("describe", { ...chosen(), at: place, strengths: asked }, (answer) => {
      at.value = answer.at;
      plan.replaceChildren(text(answer.said));
      write.disabled = false;
    });
  }

  function show(label, node) {
    results.append(make("span", {}, label), node);
    return node;
  }

  // One strength after the other, so that each is shown when it is there; null is the model as it is. What was asked at
  // the click holds for all of them, whatever is chosen meanwhile.
  function writeNext(asked, strengths) {
    if (!strengths.length) {
      write.disabled = false;
      return say("");
    }
    const [strength, ...more] = strengths;
    const sign = asked.mode === "add" ? (strength < 0 ? "− " : "+ ") : strength < 0 ? "= −" : "= ";
    const label = strength === null ? "without" : `${sign}${Math.abs(strength)} ×`;
    const node = show(label, text("…"));
    ask(
      "write",
      { ...asked, strength },
      (answer) => {
        node.replaceChildren(answer.written);
        writeNext(asked, more);
      },
      () => {
        node.replaceChildren("–");
        write.disabled = false;
      },
    );
  }

  write.addEventListener("click", () => {
    write.disabled = true;
    const asked = { ...chosen(), text: input.value, n: length.valueAsNumber || 30, chat: asChat.checked };
    const how = asked.mode === "add" ? "added along" : "held along";
    const caption = `Feature #${asked.feature}, ${how} its direction at ${asked.at}:`;
    results.replaceChildren(make("div", { class: "cl-caption" }, text(caption)));
    writeNext(asked, [null, ...numbers()]);
  });
  for (const node of [feature, at, mode, strengths]) node.addEventListener("change", () => describe(at.value));
  feature.addEventListener("change", () => {
    if (Number.isNaN(feature.valueAsNumber)) return;
    model.set("selected", feature.valueAsNumber);
    model.save_changes();
  });
  const follow = () => {
    feature.value = model.get("selected") ?? "";
    describe(null);
  };
  model.on("change:selected", follow);
  el.append(
    make(
      "section",
      { class: "cl", "aria-label": "steering" },
      make("h3", {}, "Steering"),
      make(
        "div",
        { class: "cl-row" },
        field("feature", feature),
        field("of", at),
        field("", mode),
        field("strengths", strengths),
        field("tokens", length),
      ),
      make("div", { class: "cl-row" }, input, ...(about.chat ? [make("label", {}, asChat, " as a chat")] : []), write),
      plan,
      said,
      results,
    ),
  );
  follow();
}

function showSaved(model, el) {
  el.append(make("section", { class: "cl" }, ...savedNodes(model)));
}

const KINDS = { prompt: promptBar, steering: steeringDrawer, kept: () => {} };

export default {
  render({ model, el }) {
    const draw = KINDS[model.get("kind")];
    if (!draw) return showSaved(model, el);
    draw(model, el);
    return keepForLater(model);
  },
};
