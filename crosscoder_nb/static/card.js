// ---- examples ----------------------------------------------------------------------------------------

const SHOWN = 12; // tokens shown on each side of the peak before an example is opened
const LANE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
const shade = (act, most) => (0.16 + 0.84 * clamp(act / (most || 1), 0, 1)).toFixed(3);
const shareText = (names, shares) => shares.map((s, i) => `${names[i]} ${percent(s)}`).join(" · ");

// A token; below it a lane for each model, as long as its part of the activation is large.
function drawToken(example, i, card, open, tooltip) {
  const peak = i === example.position,
    act = example.acts[i],
    parts = example.parts?.[i];
  // A line break is drawn as a sign; in an opened example it also breaks the line. A token that is only a part of a
  // character has no text of its own: the character stands at the last of its tokens.
  const text = example.tokens[i].replace(/\n/g, open ? "↵\n" : "↵").replace(/\t/g, "⇥") || "·";
  const span = h("span", { className: peak ? "cc-token cc-peak" : "cc-token" }, text);
  if (act > 0) {
    span.style.setProperty("--cc-act", shade(act, card.max_act));
    span.classList.add("cc-on");
  }
  if (parts && (act > 0 || peak)) {
    const most = Math.max(...parts.map(Math.abs), card.max_act) || 1;
    span.style.backgroundImage = parts
      .map((v, lane) => {
        const c = LANE[lane];
        return `linear-gradient(${c}, ${c})`;
      })
      .join(", ");
    span.style.backgroundSize = parts.map((v) => `${(100 * clamp(v / most, 0, 1)).toFixed(1)}% 3px`).join(", ");
    span.style.backgroundPosition = parts
      .map((v, lane) => `0 calc(100% - ${(parts.length - 1 - lane) * 3}px)`)
      .join(", ");
    span.style.backgroundRepeat = "no-repeat";
    span.classList.add("cc-lanes");
  }
  tooltip.on(span, () => [
    `${example.tokens[i] ? `“${example.tokens[i]}”` : "part of a character"}  id ${example.ids[i]}, ` +
      `token ${example.first + i + 1} of ${example.length}`,
    `activation ${number(act)}`,
    ...(parts ? [card.sites.map((name, k) => `${name} gives ${number(parts[k])}`).join(", ")] : []),
    ...(peak && !parts && example.shares.length ? [shareText(card.sites, example.shares)] : []),
  ]);
  return span;
}

function exampleTokens(example, card, open, tooltip) {
  const from = open ? 0 : Math.max(0, example.position - SHOWN),
    to = open ? example.tokens.length : Math.min(example.tokens.length, example.position + SHOWN + 1);
  const spans = [];
  if (from + example.first > 0) spans.push(h("span", { className: "cc-more" }, "… "));
  for (let i = from; i < to; i++) spans.push(drawToken(example, i, card, open, tooltip));
  if (to + example.first < example.length) spans.push(h("span", { className: "cc-more" }, " …"));
  return spans;
}

// An example opens at a click: first what the page has, then the whole window, where a kernel can give it.
function drawExample(example, card, { tooltip, whole, guard }) {
  const text = h("div", { className: "cc-text", dir: "auto" }),
    total = example.shares.reduce((a, s) => a + Math.max(0, s), 0) || 1;
  const bar = h(
    "div",
    {
      className: "cc-share",
      hidden: !example.act || !example.shares.length,
      title: `at the peak: ${shareText(card.sites, example.shares)}`,
    },
    ...example.shares.map((s, i) =>
      h("div", { style: { width: `${(100 * Math.max(0, s)) / total}%`, background: LANE[i % 4] } }),
    ),
  );
  const el = h(
    "div",
    { className: "cc-example", tabIndex: 0, role: "button" },
    h("div", { className: "cc-peak-act" }, example.act ? number(example.act) : "silent", bar),
    text,
    h("div", { className: "cc-doc" }, `doc ${example.doc}`),
  );
  async function draw(open) {
    el.setAttribute("aria-expanded", String(open));
    text.replaceChildren(...exampleTokens(example, card, open, tooltip));
    if (!open || !whole || example.tokens.length === example.length) return;
    Object.assign(example, await whole(example));
    if (el.getAttribute("aria-expanded") === "true")
      text.replaceChildren(...exampleTokens(example, card, true, tooltip));
  }
  el.onclick = guard(() => {
    if (String(getSelection()) === "") return draw(el.getAttribute("aria-expanded") !== "true");
  });
  draw(false);
  return el;
}

const GROUPS = [
  ["strongest", "Strongest", "the texts on which it fires most"],
  [
    "strengths",
    "Every strength",
    "drawn at random from each interval of activation, with the share of its whole activation that lies there",
  ],
  [
    "counter",
    "Counter-examples",
    "firings that speak against the claim: to which the other model contributes more, or one contributes nothing",
  ],
  [
    "lookalikes",
    "Look-alikes",
    "texts with a token of its examples, or with the features that fire beside it, in which it is silent",
  ],
  ["random", "Random", "texts in which it is silent, drawn at random"],
];

// ---- the card ------------------------------------------------------------------------------------------

function drawHistogram({ edges, counts }) {
  const most = Math.log1p(Math.max(...counts));
  const bars = counts.map((n, i) =>
    h("div", {
      className: "cc-bar",
      style: { height: `${(100 * Math.log1p(n)) / most}%` },
      title: `${number(edges[i])} to ${number(edges[i + 1])}: ${count(n)} tokens`,
    }),
  );
  const total = count(counts.reduce((a, n) => a + n, 0));
  return h(
    "figure",
    { className: "cc-histogram" },
    h(
      "div",
      {
        className: "cc-bars",
        role: "img",
        "aria-label":
          `histogram of its activations on ${total} tokens, ` + `from ${number(edges[0])} to ${number(edges.at(-1))}`,
      },
      ...bars,
    ),
    h(
      "div",
      { className: "cc-scale-ends" },
      h("span", {}, number(edges[0])),
      h("span", {}, `activation where it fires, ${total} tokens (both axes logarithmic)`),
      h("span", {}, number(edges.at(-1))),
    ),
  );
}

// A value on a scale, with its interval, and the mark from which on it means something.
function drawMeasure({ name, value, interval, scale: [low, high], mark, log }, column) {
  const put = log ? Math.log10 : (v) => v,
    at = (v) => 100 * clamp((put(Math.max(v, log ? low : -Infinity)) - put(low)) / (put(high) - put(low)), 0, 1);
  const ends = interval.length
    ? [
        h("div", {
          className: "cc-interval",
          style: { left: `${at(interval[0])}%`, width: `${Math.max(0.5, at(interval[1]) - at(interval[0]))}%` },
        }),
      ]
    : [];
  return h(
    "div",
    { className: "cc-measure", title: column.help },
    h("div", { className: "cc-measure-name" }, apart(shortLabel(column))),
    h(
      "div",
      { className: "cc-track" },
      ...(mark === null ? [] : [h("div", { className: "cc-mark", style: { left: `${at(mark)}%` } })]),
      ...ends,
      h("div", { className: "cc-knob", style: { left: `${at(value)}%` } }),
    ),
    h(
      "div",
      { className: "cc-measure-value" },
      number(value),
      h(
        "span",
        { className: "cc-hint" },
        interval.length ? ` ${number(interval[0], 2)} to ${number(interval[1], 2)}` : "",
      ),
    ),
  );
}

// Tokens at one end of a site's logit lens; those that no other site has at this end stand out.
function drawTokens(title, tokens, others) {
  const token = (text) => {
    const own = others.length > 0 && !others.some((list) => list.includes(text));
    const props = { className: own ? "cc-own" : "", title: own ? "only here" : "" };
    return h("li", props, apart(text.replace(/\n/g, "↵") || "·"));
  };
  return h(
    "div",
    {},
    h("div", { className: "cc-hint" }, title),
    h("ol", { className: "cc-tokens" }, ...tokens.map(token)),
  );
}

function drawLens({ sites, note }) {
  if (!sites.length) return [h("p", { className: "cc-note" }, note)];
  const written = sites.filter((site) => site.z.length);
  const ends = (site) => {
    const others = (end) => written.filter((s) => s !== site).map((s) => s[end]);
    const [most, least] = site.z.map((z) => number(z, 2));
    return h(
      "div",
      { className: "cc-lens-ends" },
      drawTokens(`likelier (first: ${most} σ)`, site.promoted, others("promoted")),
      drawTokens(`less likely (${least} σ)`, site.suppressed, others("suppressed")),
    );
  };
  const draw = (site) => {
    const what = site.z.length ? ends(site) : h("div", { className: "cc-hint" }, "It writes nothing there.");
    return h("div", {}, h("div", { className: "cc-label" }, apart(site.label)), what);
  };
  const hint = `logit lens of the decoder${written.length > 1 ? "; bold: not in the other list" : ""}`;
  return [h("div", { className: "cc-lens" }, ...sites.map(draw)), h("p", { className: "cc-hint" }, hint)];
}

function drawNeighbours({ nearest, company, note }, go) {
  const link = (feature, text) =>
    h(
      "button",
      { type: "button", className: "cc-near", onclick: () => go(feature) },
      `#${feature} `,
      h("span", { className: "cc-hint" }, text),
    );
  if (note) return [h("p", { className: "cc-note" }, note)];
  return [
    h(
      "div",
      { className: "cc-row" },
      h("span", { className: "cc-label" }, "nearest directions"),
      ...nearest.map(([f, cosine]) => link(f, number(cosine, 2))),
    ),
    h(
      "div",
      { className: "cc-row" },
      h("span", { className: "cc-label" }, "fire with it at its peaks"),
      ...(company.length ? company.map(([f, n, of]) => link(f, `${n} of ${of}`)) : ["none"]),
    ),
  ];
}

function drawNorms({ sites, norms }) {
  const most = Math.max(...norms) || 1,
    said = sites.map((site, i) => `${site} ${number(norms[i], 2)}`).join(", ");
  const bar = (v, i) =>
    h(
      "div",
      { className: "cc-profile-bar", title: `${sites[i]}: ${number(v, 3)} of its largest norm` },
      h("div", { style: { height: `${(100 * v) / most}%` } }),
    );
  const label = `decoder norm at each place: ${said}`;
  return [
    h("div", { className: "cc-label" }, "decoder norm at each place, as a share of the largest"),
    h("div", { className: "cc-profile", role: "img", "aria-label": label }, ...norms.map(bar)),
    h("div", { className: "cc-scale-ends" }, apart(sites[0]), apart(sites.at(-1))),
  ];
}

function drawCosines({ sites, values }) {
  const colour = (v) => (v >= 0 ? `rgba(0, 114, 178, ${v.toFixed(3)})` : `rgba(213, 94, 0, ${(-v).toFixed(3)})`);
  const cell = (i) => (v, j) => {
    const title = `${sites[i]} and ${sites[j]}: ${number(v, 3)}`;
    return h("td", { style: { backgroundColor: colour(v) }, title }, sites.length > 8 ? "" : number(v, 2));
  };
  const rows = values.map((line, i) => h("tr", {}, ...line.map(cell(i))));
  return [
    h("div", { className: "cc-label" }, "cosine between its directions there"),
    h("table", { className: "cc-matrix", "aria-label": "cosines" }, ...rows),
  ];
}

const drawProfile = (profile) => [...drawNorms(profile), ...(profile.cosines ? drawCosines(profile.cosines) : [])];
