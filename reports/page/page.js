// The page's behaviour: views, search, filters, the address, cards and their charts.
const $ = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const data = JSON.parse($("#page-data").textContent);
const form = $("#page-form"), query = $("#page-query");
const cards = all(".card"), errata = all("details.erratum"), sections = all("section.slide");

/* ---------- state and address ---------- */

// The form holds the state, except for the claim that the address names.
const FILTERS = { q: "", verdict: "", slide: "", state: "" };
const EMPTY = { view: "lecturer", ...FILTERS, claim: "" };
let claim = "", state = EMPTY;

function inForm() {
  const given = new FormData(form);
  const value = (name) => (name === "verdict" ? given.getAll(name).join() : given.get(name) ?? "");
  return { ...Object.fromEntries(Object.keys(EMPTY).map((name) => [name, value(name)])), claim };
}

function fill(of) {
  for (const input of form.elements) {
    if (/radio|checkbox/.test(input.type)) input.checked = of[input.name].split(",").includes(input.value);
    else if (input.name && input.value !== of[input.name]) input.value = of[input.name];
  }
  claim = of.claim;
}

function read(hash) {
  const text = hash.slice(1);
  if (text && !text.includes("=")) {
    try { return { ...EMPTY, claim: decodeURIComponent(text) }; } catch { return { ...EMPTY, claim: text }; }
  }
  const given = new URLSearchParams(text);
  const known = Object.fromEntries(Object.keys(EMPTY).map((name) => [name, given.get(name) ?? EMPTY[name]]));
  return $(`[name=view][value="${CSS.escape(known.view)}"]`) ? known : { ...known, view: EMPTY.view };
}

function address() {
  const changed = Object.entries(state).filter(([name, value]) => value !== EMPTY[name]);
  if (changed.length === 1 && state.claim) return "#" + encodeURIComponent(state.claim);
  return changed.length ? "#" + new URLSearchParams(changed).toString().replaceAll("%2C", ",") : "";
}

// Changes the state. "push" makes the back button return to the state before; typing only replaces it.
function go(changes, how = "push") {
  fill({ ...inForm(), ...changes });
  show();
  const hash = address();
  if (hash !== location.hash) history[how + "State"](null, "", hash || location.pathname + location.search);
}

function restore() {
  const given = read(location.hash);
  fill(given);
  const unknown = ["slide", "state"].find((name) => inForm()[name] !== given[name]);
  if (unknown) claim = given[unknown];
  for (const card of cards) if (card.id !== claim) open(card, false);
  show();
  reveal(claim);
}

const named = (id) => cards.find((card) => card.id === id);
const snippet = (id) => errata.find((erratum) => erratum.id === id);

/* ---------- search ---------- */

const cached = (make) => {
  const known = new Map();
  return (element) => known.get(element) ?? known.set(element, make(element)).get(element);
};
const searched = cached((element) => {
  const parts = element.matches(".card") ? all("h3, .sentence, .key, table th[scope=row]", element) : [element];
  return parts.map((part) => part.textContent).join(" ").toLowerCase();
});
const split = cached((element) => [...new Set(searched(element).split(/[^\p{L}\p{N}]+/u))]);

// The words of the search without those of a question: "does dropout help?" looks for "dropout" and "help".
const ASKED = new Set("a an and are as at be better by can do does for how i in is it of on or me my need should than that the to use was we what when which why with you".split(" "));
function words() {
  const typed = state.q.toLowerCase().replace(/[?!“”"]/g, " ").split(/\s+/).filter(Boolean);
  const telling = typed.filter((word) => !ASKED.has(word));
  const stems = telling.map((word) => word.length > 6 ? word.replace(/(ations?|[iy][sz](es?|ing|ed)|ing|ed|es|s)$/, "") : word);
  return telling.length ? stems : typed;
}
// How many words of the search an element has, a word with one wrong, missing, added or swapped letter included.
const score = (element) => wanted.filter((word) => has(element, word)).length;
function has(element, word) {
  if (searched(element).includes(word)) return true;
  return word.length > 5 && !everywhere.includes(word) && split(element).some((other) => near(other, word));
}
function near(word, other) {
  if (Math.abs(word.length - other.length) > 1) return false;
  let start = 0, end = 0;
  while (start < word.length && word[start] === other[start]) start++;
  while (end < Math.min(word.length, other.length) - start && word.at(-1 - end) === other.at(-1 - end)) end++;
  const rest = Math.max(word.length, other.length) - start - end;
  const swapped = word.length === other.length && word[start] === other[start + 1] && word[start + 1] === other[start];
  return rest <= 1 || (rest === 2 && swapped);
}
// A search finds what has all its words; if nothing has, what has most of them, and at least half.
let wanted = [], most = 0, everywhere = "";
function search() {
  everywhere ||= [...cards, ...errata].map(searched).join(" ");
  wanted = words();
  most = Math.max(0, ...[...cards, ...errata].map(score));
  if (2 * most < wanted.length) most = 0;
}

/* ---------- what is shown ---------- */

const found = (element) => !wanted.length || (most > 0 && score(element) === most);
const onSlide = (element) => !state.slide || element.closest("section.slide").dataset.slide === state.slide
  || Boolean(element.dataset.slides?.split("|").includes(state.slide));
const chosen = (verdict) => !state.verdict || state.verdict.split(",").includes(verdict);
const tests = {
  q: found,
  slide: onSlide,
  state: (card) => !state.state || card.dataset.state === state.state,
  verdict: (card) => chosen(card.dataset.verdict),
};
const matches = (card, without = "") => Object.entries(tests).every(([name, test]) => name === without || test(card));

function show() {
  state = inForm();
  search();
  const searching = Boolean(state.q.trim()), filtering = searching || Boolean(state.verdict || state.slide || state.state);
  const body = document.body.classList;
  for (const [name, yes] of Object.entries({ filtering, searching, "one-slide": Boolean(state.slide) })) body.toggle(name, yes);
  $("#page-clear").hidden = !filtering;
  for (const card of cards) card.hidden = !matches(card) && card.id !== claim;
  for (const erratum of errata) erratum.hidden = !(chosen("REPLACE") && !state.state && onSlide(erratum) && found(erratum) && state.view !== "maintainer");
  for (const section of sections) {
    const here = section.dataset.slide === state.slide, alone = here && !searching && !state.verdict && !state.state;
    section.hidden = !alone && !$(".card:not([hidden]), details.erratum:not([hidden])", section);
    const change = $("details.change", section), also = $(".also", section);
    if (change && here) change.open = true;
    if (also) also.hidden = filtering && !here;
  }
  for (const chip of all(".chip")) {
    const verdict = $("input", chip).value;
    const of = verdict === "REPLACE" ? errata.filter((erratum) => found(erratum) && onSlide(erratum))
      : cards.filter((card) => card.dataset.verdict === verdict && matches(card, "verdict"));
    $(".count", chip).textContent = of.length;
  }
  for (const option of all(".filters option[value]:not([value=''])")) {
    const { name } = option.parentElement, before = state;
    option.dataset.label ??= option.textContent;
    state = { ...before, [name]: option.value };
    option.label = `${option.dataset.label} (${cards.filter((card) => matches(card)).length})`;
    state = before;
  }
  for (const item of all("nav.slides li")) item.classList.toggle("chosen", item.dataset.slide === state.slide);
  const shown = cards.filter((card) => matches(card)).length, snippets = errata.filter((erratum) => !erratum.hidden).length;
  const lacking = most && most < wanted.length ? ", none with all the words" : "";
  const more = snippets ? `, ${snippets} ${snippets === 1 ? "erratum" : "errata"}` : "";
  const said = filtering ? `${shown} of ${cards.length} claims${lacking}${more}` : `${cards.length} claims`;
  if ($("#page-count").textContent !== said) $("#page-count").textContent = said;
  const unknown = claim && !named(claim) && !snippet(claim), nothing = $("#page-nothing");
  nothing.hidden = !(unknown || (filtering && !shown && !snippets));
  $("p", nothing).textContent = unknown
    ? `Nothing on this page is called “${claim.slice(0, 200)}”. It may have been renamed: search for it.`
    : `No match. ${searching ? "Use other words, or clear" : "Clear"} the filters.`;
  if (state.view === "maintainer" && !filtering) trend();
}

/* ---------- cards ---------- */

const isOpen = (card) => $(".open", card).ariaExpanded === "true";

function open(card, yes = true) {
  $(".open", card).ariaExpanded = String(yes);
  if (!yes) return;
  if (inForm().view === "student" && $(".source", card)) $(".source", card).open = true;
  const charts = $(".charts", card);
  if (charts && !charts.dataset.drawn) {
    charts.dataset.drawn = "yes";
    draw(card);
  }
}

function toggle(card) {
  open(card, !isOpen(card));
  go({ claim: isOpen(card) ? card.id : "" });
}

const CLICKS = {
  ".open": (button) => toggle(button.closest(".card")),
  ".to-claim": (link) => visit(decodeURIComponent(link.hash.slice(1))),
  ".tile, .jump": (link) => jump(link.dataset),
  ".copy": copy,
  "nav.slides a": (link) => {
    const title = link.closest("li").dataset.slide;
    go({ slide: state.slide === title ? "" : title, q: "" });
    $("#page-view").scrollIntoView();
  },
  "#page-clear": () => {
    go(FILTERS);
    query.focus();
  },
  "#page-theme": theme,
};
document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(CLICKS)) {
    const target = event.target.closest(selector);
    if (!target) continue;
    event.preventDefault();
    act(target);
  }
});

// Opens a claim or a snippet that a link names; filters that hide it are cleared.
function visit(id) {
  const hidden = named(id) ? !matches(named(id)) : snippet(id)?.hidden;
  const view = snippet(id) && state.view === "maintainer" ? "lecturer" : state.view;
  go({ ...(hidden ? FILTERS : {}), claim: id, view });
  reveal(id)?.focus({ preventScroll: true });
}

// Opens and scrolls to a claim or a snippet; returns what opens it.
function reveal(id) {
  const element = named(id) ?? snippet(id);
  if (!element) return undefined;
  if (named(id)) open(element);
  else element.open = true;
  element.scrollIntoView({ block: "start" });
  return $(".open, summary", element);
}

function jump({ view, verdict = "", target }) {
  go({ ...FILTERS, view, verdict });
  $(target)?.scrollIntoView({ block: "start" });
  $(target)?.focus({ preventScroll: true });
}

function copy(button) {
  const code = $("pre", button.parentElement), label = button.dataset.label ??= button.textContent;
  const done = () => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  const byHand = () => {
    getSelection().selectAllChildren(code);
    if (document.execCommand("copy")) done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(done, byHand);
  else byHand();
}

document.addEventListener("keydown", (event) => {
  const within = document.activeElement?.closest(".card"), card = within && isOpen(within) ? within : named(claim);
  if (event.key === "Escape" && document.activeElement === query && state.q) {
    event.preventDefault();
    go({ q: "" }, "replace");
  } else if (event.key === "Escape" && card && isOpen(card)) {
    toggle(card);
    $(".open", card).focus();
  } else if (event.target === query && (event.key === "Enter" || event.key === "ArrowDown")) {
    const hit = all(".card .open, details.erratum > summary").find((element) => element.checkVisibility());
    if (!hit) return;
    event.preventDefault();
    hit.focus();
  } else if (event.key === "/" && !event.target.closest("input[type=search], select")) {
    event.preventDefault();
    query.focus();
  }
});

let typed = false;  // the first letter of a search makes a step back possible, the others do not
form.addEventListener("input", (event) => {
  const typing = event.target === query;
  go(typing ? { claim: "" } : {}, typing && typed ? "replace" : "push");
  typed = typing;
});
query.addEventListener("blur", () => { typed = false; });
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("popstate", restore);
addEventListener("hashchange", () => { if (address() !== location.hash) restore(); });

/* ---------- theme ---------- */

const THEMES = ["system", "light", "dark"];
function theme() {
  const root = document.documentElement.dataset;
  root.theme = THEMES[(THEMES.indexOf(root.theme) + 1) % THEMES.length];
  try { localStorage.setItem("theme", root.theme); } catch { /* no storage: the choice lasts as long as the page */ }
  themed();
  redraw();
}

function themed() {
  $("#page-theme").textContent = `Theme: ${document.documentElement.dataset.theme}`;
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());

/* ---------- charts ---------- */

const drawn = new Map();  // how to draw each chart again, by the element that it stands in
const redraw = () => drawn.forEach((again) => again());

const probe = document.body.appendChild(document.createElement("span"));
probe.hidden = true;
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function look() {
  const ink = colour("ink"), faint = colour("faint"), line = colour("line"), first = { color: colour("c0") };
  return {
    background: null,
    font: getComputedStyle(document.body).fontFamily,
    mark: { aria: false },
    axis: { aria: false, labelColor: ink, titleColor: faint, gridColor: line, domainColor: faint, tickColor: faint, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 150 },
    axisQuantitative: { tickCount: 5 },
    view: { stroke: null },
    line: first,
    point: first,
    style: { slide: { color: colour("slide") }, hollow: { fill: colour("paper") } },
  };
}

// Draws a chart into an element; a chart that cannot be drawn leaves a sentence there.
async function chart(element, kind, datasets, description, change = () => {}) {
  drawn.set(element, () => chart(element, kind, datasets, description, change));
  try {
    if (!window.vegaEmbed) throw new Error("the chart library did not start");
    const spec = { ...structuredClone(data.charts[kind]), datasets, autosize: { type: "fit-x", contains: "padding" } };
    spec.layer &&= spec.layer.filter((layer) => datasets[layer.data.name].length);
    change(spec);
    element.embedded?.finalize();
    const options = { actions: false, renderer: "svg", config: look(), tooltip: { disableDefaultStyle: true } };
    element.embedded = await vegaEmbed(element, spec, options);
    for (const name of [...element.attributes].map(({ name }) => name).filter((name) => /role|^aria/.test(name))) element.removeAttribute(name);
    const svg = $("svg", element);
    svg.removeAttribute("aria-roledescription");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", description);
  } catch (error) {
    element.replaceChildren(made("p", { className: "problem" }, `This chart could not be drawn (${String(error.message ?? error).slice(0, 200)}). Its numbers are in the table.`));
  }
}

function made(name, properties = {}, ...content) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
}

function draw(card) {
  const shown = data.claims[card.id], experiment = data.experiments[shown.experiment];
  const variants = [...new Set([...shown.variants, ...(experiment?.variants ?? [])])];
  dots(shown, variants, $(".dots", card));
  if (Object.keys(experiment?.curves ?? {}).length) curves(shown, experiment.curves, variants, $(".curves", card));
}

// Sets the scale of the values, and what variants look like: the same in all charts of a claim; after eight colours the
// lines are dashed.
function scales(spec, channel, logarithmic, variants) {
  const looks = {
    color: { domain: variants, range: variants.map((_, place) => colour("c" + (place % 8))) },
    strokeDash: { domain: variants, range: variants.map((_, place) => (place < 8 ? [1, 0] : [5, 3])) },
    [channel]: logarithmic ? { type: "log", nice: false } : { zero: false },
  };
  for (const { encoding } of spec.layer) {
    for (const [name, scale] of Object.entries(looks)) if (encoding[name]?.field) encoding[name].scale = scale;
  }
}

function dots({ seeds, slides, label, log }, variants, into) {
  const values = [...seeds, ...slides].flatMap((row) => row.value).filter(Number.isFinite);
  const named = made("figcaption", {}, made("b", {}, `Seeds: ${label}`), slides.length ? " – a dot is a seed, the red line the slide’s figure" : " – a dot is a seed");
  const figure = into.appendChild(made("figure", {}, named));
  const count = seeds.flatMap((row) => row.value).filter(Number.isFinite).length;
  if (!count) return void figure.append(made("p", { className: "faint" }, "No seed has a value: see the table."));
  const description = `Dots: ${label} of ${seeds.map((row) => row.variant).join(", ")}; ${count} dots.`;
  chart(figure.appendChild(made("div", { className: "chart" })), "dots", { seeds, slides }, description, (spec) => {
    scales(spec, "x", log && Math.min(...values) > 0 && Math.max(...values) > 10 * Math.min(...values), variants);
    spec.height = 44 * seeds.length;
  });
}

// Whether the curves of these variants are positive and span two decades, so that a linear scale would hide most of them.
function decades(curve, variants) {
  const values = curve.bands.filter((row) => variants.includes(row.variant)).flatMap((row) => row.mean).filter(Number.isFinite);
  return Math.min(...values) > 0 && Math.max(...values) > 100 * Math.min(...values);
}

function curves(shown, known, variants, into) {
  const names = Object.keys(known);
  const which = made("select", { ariaLabel: "Curve" }, ...names.map((name) => made("option", { value: name }, known[name].label)));
  which.value = names.includes(shown.metric) ? shown.metric : names[0];
  const log = made("input", { type: "checkbox", checked: decades(known[which.value], shown.variants) });
  const boxes = variants.filter((variant) => names.some((name) => variant in known[name].notes)).map((variant) => {
    const place = variants.indexOf(variant), line = made("span", { className: "line" });
    line.style.borderTop = `3px ${place < 8 ? "solid" : "dashed"} var(--c${place % 8})`;
    const box = made("input", { type: "checkbox", value: variant, checked: shown.variants.includes(variant) });
    return made("label", {}, box, line, variant);
  });
  which.addEventListener("change", () => { log.checked = decades(known[which.value], shown.variants); });
  const controls = made("fieldset", { className: "controls" }, made("legend", { className: "hidden" }, "Learning curves: curve and scale"), which, made("label", {}, log, "Logarithmic"));
  const legend = made("fieldset", { className: "controls" }, made("legend", { className: "hidden" }, "Variants"), ...boxes);
  const caption = made("figcaption"), box = made("div", { className: "chart" });
  into.append(made("figure", { onchange: update }, caption, controls, box, legend));
  update();

  function update() {
    const of = known[which.value];
    const drawnOf = all("input:checked", legend).map((input) => input.value);
    const fits = (value) => (Number.isFinite(value) && (!log.checked || value > 0) ? value : null);
    const rows = (name) => of[name].filter((row) => drawnOf.includes(row.variant)).map((row) => Object.fromEntries(
      Object.entries(row).map(([key, value]) => [key, Array.isArray(value) ? value.map(fits) : value])));
    const datasets = { bands: rows("bands"), seeds: rows("seeds"), slides: rows("slides") };
    const notes = drawnOf.filter((variant) => variant in of.notes).map((variant) => [variant, of.notes[variant]]);
    const many = [...new Set(notes.map(([, note]) => note))].join("; ");
    caption.replaceChildren(made("b", {}, `Learning curves: ${of.label}`), ` – ${many === "1 seed" ? "of the one seed that is recorded" : `thick line: mean of ${many}; ${of.band}; thin lines: the first seeds`}` + (datasets.slides.length ? "; hollow dots: the slide" : ""));
    if (![...datasets.bands, ...datasets.seeds].some((row) => (row.mean ?? row.value).some(Number.isFinite))) {
      drawn.delete(box);
      box.embedded?.finalize();
      box.embedded = undefined;
      box.replaceChildren(made("p", { className: "faint" }, drawnOf.length ? "No finite value to draw: choose another curve or scale." : "Choose a variant below."));
      return;
    }
    const description = `Learning curves: ${of.label} by epoch. ${notes.map((of) => of.join(": ")).join("; ")}.`;
    chart(box, "curves", datasets, description, (spec) => scales(spec, "y", log.checked, variants));
  }
}

function trend() {
  const select = $("#page-trend");
  if (!select || select.dataset.drawn) return;
  select.dataset.drawn = "yes";
  const { runs, series } = data.trend;
  const update = () => {
    const chosenSeries = series[select.value];
    const points = chosenSeries.runs.map((run, at) => ({ date: runs[run].date, value: chosenSeries.values[at], name: `${runs[run].date.slice(0, 10)}, ${runs[run].machine}: ${chosenSeries.values[at]} ${chosenSeries.unit}` }));
    chart($("#page-trend-chart"), "trend", { points }, `Trend of ${chosenSeries.name} over ${points.length} runs.`);
  };
  select.addEventListener("change", update);
  update();
}

// Shows the changes of Keras that lie between two versions, in either direction.
const ends = all("#page-from, #page-to");
function between() {
  const [low, high] = ends.map((select) => select.selectedIndex).sort((a, b) => a - b);
  let count = 0, seen = 0;
  for (const row of all("#page-changes [data-at]")) {
    if (!row.dataset.at) continue;
    row.hidden = !(low < row.dataset.at && row.dataset.at <= high);
    if (!row.hidden) { count++; seen += row.dataset.shown !== "0"; }
  }
  const how = seen ? `${seen} of them seen in a result of this course` : "none of them seen in a result of this course";
  $("#page-move").textContent = low === high ? "That is one version." : count ? `${count} ${count === 1 ? "change" : "changes"}, ${how}.` : "No change was noticed.";
}
for (const select of ends) select.addEventListener("change", between);
if (ends.length) between();

function measure() {
  document.documentElement.style.setProperty("--bar", `${$(".bar").offsetHeight}px`);
}
addEventListener("resize", measure);
measure();
themed();
restore();
