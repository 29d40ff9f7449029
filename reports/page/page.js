// The page's behaviour: views, search, filters, the address, cards and their charts.
const $ = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const data = JSON.parse($("#page-data").textContent);
const view = $("#page-view"), query = $("#page-query"), slide = $("#page-slide"), place = $("#page-state");
const cards = all(".card"), errata = all("details.erratum"), sections = all("section.slide");
const chips = all(".chip"), tabs = all("[role=tab]");
const VIEWS = tabs.map((tab) => tab.dataset.view);

/* ---------- state and address ---------- */

const empty = () => ({ view: "lecturer", q: "", verdict: [], slide: "", state: "", claim: "" });
let state = empty();

function read(hash) {
  const found = empty();
  let text = hash.replace(/^#/, "");
  if (text && !text.includes("=")) {
    try { text = decodeURIComponent(text); } catch { /* as it stands */ }
    found.claim = text;
    return found;
  }
  const given = new URLSearchParams(text);
  for (const name of Object.keys(found)) {
    const value = given.get(name);
    if (value !== null) found[name] = name === "verdict" ? value.split(",").filter(Boolean) : value;
  }
  if (!VIEWS.includes(found.view)) found.view = "lecturer";
  return found;
}

function written(of) {
  const base = empty(), given = new URLSearchParams();
  for (const [name, value] of Object.entries(of)) {
    if (String(value) !== String(base[name])) given.set(name, String(value));
  }
  const names = [...given.keys()];
  if (names.length === 1 && names[0] === "claim") return "#" + encodeURIComponent(of.claim);
  return names.length ? "#" + given.toString().replaceAll("%2C", ",") : "";
}

// Changes the state. "push" makes the back button return to the state before; typing only replaces it.
function go(changes, how = "push") {
  state = { ...state, ...changes };
  const address = written(state);
  if (address !== location.hash) {
    history[how === "push" ? "pushState" : "replaceState"](null, "", address || location.pathname + location.search);
  }
  show();
}

function restore() {
  state = read(location.hash);
  for (const card of cards) if (card.id !== state.claim) close(card);
  show();
  reveal(state.claim);
}

const named = (id) => cards.find((card) => card.id === id);
const snippet = (id) => errata.find((one) => one.id === id);

/* ---------- what is shown ---------- */

const text = new Map();
function searched(element) {
  if (!text.has(element)) {
    const parts = element.matches(".card") ? all("h3, .sentence, .key, table th[scope=row]", element) : [element];
    text.set(element, parts.map((part) => part.textContent).join(" ").toLowerCase());
  }
  return text.get(element);
}

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
  const written = searched(element);
  if (written.includes(word)) return true;
  return word.length > 5 && !everywhere.includes(word) && split(element).some((one) => near(one, word));
}
const parts = new Map();
function split(element) {
  if (!parts.has(element)) parts.set(element, [...new Set(searched(element).split(/[^\p{L}\p{N}]+/u))]);
  return parts.get(element);
}
function near(one, other) {
  if (Math.abs(one.length - other.length) > 1) return false;
  let start = 0, end = 0;
  while (start < one.length && one[start] === other[start]) start++;
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const rest = Math.max(one.length, other.length) - start - end;
  const swapped = one.length === other.length && one[start] === other[start + 1] && one[start + 1] === other[start];
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
const found = (element) => !wanted.length || (most > 0 && score(element) === most);
const home = (one) => one.closest("section.slide").dataset.slide;
const inSlide = (card) => !state.slide || card.closest("section.slide").dataset.slide === state.slide
  || card.dataset.slides.split("|").includes(state.slide);
const tests = {
  q: (card) => found(card),
  slide: inSlide,
  state: (card) => !state.state || card.dataset.state === state.state,
  verdict: (card) => !state.verdict.length || state.verdict.includes(card.dataset.verdict),
};
const matches = (card, without = "") => Object.entries(tests).every(([name, test]) => name === without || test(card));

function show() {
  search();
  const filtering = Boolean(state.q.trim() || state.verdict.length || state.slide || state.state);
  view.dataset.view = state.view;
  view.classList.toggle("filtering", filtering);
  document.body.classList.toggle("searching", Boolean(state.q.trim()));
  view.classList.toggle("one-slide", Boolean(state.slide));
  view.setAttribute("aria-labelledby", "page-tab-" + state.view);
  for (const tab of tabs) {
    const chosen = tab.dataset.view === state.view;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  if (query.value !== state.q) query.value = state.q;
  slide.value = state.slide;
  if (place) place.value = state.state;
  $("#page-clear").hidden = !filtering;

  let shown = 0;
  for (const card of cards) {
    const fits = matches(card);
    shown += fits;
    card.hidden = !fits && card.id !== state.claim;
  }
  let snippets = 0;
  for (const one of errata) {
    const fits = (!state.verdict.length || state.verdict.includes("REPLACE")) && !state.state && (!state.slide || home(one) === state.slide)
      && found(one) && state.view !== "maintainer";
    one.hidden = !fits;
    snippets += fits;
  }
  for (const section of sections) {
    section.hidden = !all(".card, details.erratum", section).some((one) => !one.hidden)
      && !(section.dataset.slide === state.slide && !state.q && !state.verdict.length && !state.state);
    const change = $("details.change", section);
    if (change && state.slide === section.dataset.slide) change.open = true;
    const also = $(".also", section);
    if (also) also.hidden = filtering && section.dataset.slide !== state.slide;
  }
  for (const chip of chips) {
    const verdict = chip.dataset.verdict;
    chip.setAttribute("aria-pressed", state.verdict.includes(verdict));
    $(".count", chip).textContent = verdict === "REPLACE"
      ? errata.filter((one) => found(one) && (!state.slide || home(one) === state.slide)).length
      : cards.filter((card) => card.dataset.verdict === verdict && matches(card, "verdict")).length;
  }
  for (const [select, name] of [[slide, "slide"], [place, "state"]]) {
    for (const option of select ? select.options : []) {
      option.label = option.dataset.label ??= option.textContent;
      if (!option.value) continue;
      const before = state[name];
      state[name] = option.value;
      option.label = `${option.dataset.label} (${cards.filter((card) => matches(card)).length})`;
      state[name] = before;
    }
  }
  for (const item of all("nav.slides li")) item.classList.toggle("chosen", item.dataset.slide === state.slide);
  const lacking = most && most < wanted.length ? ", none with all the words" : "";
  const claims = `${shown} of ${cards.length} claims${lacking}`;
  const more = filtering && snippets ? `, ${snippets} ${snippets === 1 ? "snippet" : "snippets"}` : "";
  say($("#page-count"), filtering ? claims + more : `${cards.length} claims`);
  nothing(shown + snippets, filtering);
  if (state.view === "maintainer" && !filtering) trend();
}

function nothing(found, filtering) {
  const unknown = state.claim && !named(state.claim) && !snippet(state.claim);
  const message = $("#page-nothing");
  message.hidden = !(unknown || (filtering && !found));
  $("p", message).textContent = unknown
    ? `No claim on this page is called “${state.claim.slice(0, 200)}”. It may have been renamed: search for it.`
    : state.q.trim() ? "No match. Use other words, or clear the filters." : "No match. Clear the filters.";
}

function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/* ---------- cards ---------- */

function open(card) {
  card.classList.add("opened");
  $(".open", card).setAttribute("aria-expanded", "true");
  if (state.view === "student" && $(".source", card)) $(".source", card).open = true;
  const charts = $(".charts", card);
  if (charts && !charts.dataset.drawn) {
    charts.dataset.drawn = "yes";
    draw(card);
  }
}

function close(card) {
  card.classList.remove("opened");
  $(".open", card).setAttribute("aria-expanded", "false");
}

function toggle(card) {
  if (card.classList.contains("opened")) {
    close(card);
    go({ claim: "" });
  } else {
    open(card);
    go({ claim: card.id });
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("button, a");
  if (!target) return;
  if (target.matches(".open")) toggle(target.closest(".card"));
  else if (target.matches(".to-claim")) {
    event.preventDefault();
    visit(decodeURIComponent(target.hash.slice(1)));
  } else if (target.matches(".tile")) {
    event.preventDefault();
    jump(target.dataset.target);
  } else if (target.matches(".copy")) copy(target);
  else if (target.matches(".chip")) {
    const verdict = target.dataset.verdict;
    const others = state.verdict.filter((one) => one !== verdict);
    go({ verdict: others.length < state.verdict.length ? others : [...others, verdict] });
  } else if (target.matches("[role=tab]")) go({ view: target.dataset.view });
  else if (target.closest("nav.slides")) {
    event.preventDefault();
    const title = target.closest("li").dataset.slide;
    go({ slide: state.slide === title ? "" : title, q: "" });
    view.scrollIntoView();
  } else if (target.id === "page-clear") {
    go({ q: "", verdict: [], slide: "", state: "" });
    query.focus();
  } else if (target.id === "page-theme") theme();
});

// Opens a claim or a snippet that a link names; filters that hide it are cleared.
function visit(id) {
  const hidden = named(id) ? !matches(named(id)) : snippet(id)?.hidden;
  if (hidden) state = { ...state, q: "", verdict: [], slide: "", state: "" };
  go({ claim: id, view: snippet(id) && state.view === "maintainer" ? "lecturer" : state.view });
  reveal(id)?.focus({ preventScroll: true });
}

// Opens and scrolls to a claim or a snippet; returns what opens it.
function reveal(id) {
  const one = named(id) ?? snippet(id);
  if (!one) return undefined;
  if (named(id)) open(one);
  else one.open = true;
  one.scrollIntoView({ block: "start" });
  return $(".open, summary", one);
}

function jump(target) {
  const clear = { q: "", verdict: [], slide: "", state: "" };
  const verdict = target === "snippets" && errata.length ? ["REPLACE"] : [];
  go({ ...clear, verdict, view: target === "times" ? "maintainer" : "lecturer" });
  const heading = target === "snippets" ? errata[0] : $("#page-" + target);
  if (!heading) return;
  heading.scrollIntoView({ block: "start" });
  (heading.matches("details") ? $("summary", heading) : heading).focus({ preventScroll: true });
}

function copy(button) {
  const code = $("pre", button.parentElement).textContent;
  const done = () => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  const byHand = () => {
    const range = document.createRange();
    range.selectNodeContents($("pre", button.parentElement));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (document.execCommand("copy")) done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(code).then(done, byHand);
  else byHand();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    if (document.activeElement === query && state.q) return void go({ q: "" }, "replace");
    const card = document.activeElement.closest?.(".card.opened") ?? named(state.claim);
    if (card?.classList.contains("opened")) {
      close(card);
      go({ claim: "" });
      $(".open", card).focus();
    }
  }
  const tab = event.target.closest?.("[role=tab]");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (tab && step) {
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    go({ view: next.dataset.view });
    next.focus();
  }
  if (event.key === "/" && !event.target.closest?.("input, select")) {
    event.preventDefault();
    query.focus();
  }
});

let typed = false;  // the first letter of a search makes a step back possible, the others do not
query.addEventListener("input", () => {
  go({ q: query.value, claim: "" }, typed ? "replace" : "push");
  typed = true;
});
query.addEventListener("blur", () => { typed = false; });
$("#page-search").addEventListener("submit", (event) => event.preventDefault());
slide.addEventListener("change", () => go({ slide: slide.value }));
place?.addEventListener("change", () => go({ state: place.value }));
addEventListener("popstate", restore);
addEventListener("hashchange", () => { if (written(state) !== location.hash) restore(); });

/* ---------- theme ---------- */

const dark = matchMedia("(prefers-color-scheme: dark)");
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
dark.addEventListener("change", () => redraw());

/* ---------- charts ---------- */

const drawn = new Map();  // how to draw each chart again, by the element that it stands in
function redraw() {
  for (const again of drawn.values()) again();
}

const probe = document.body.appendChild(document.createElement("span"));
probe.hidden = true;
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function look() {
  const ink = colour("ink"), faint = colour("faint"), line = colour("line");
  return {
    background: null,
    font: getComputedStyle(document.body).fontFamily,
    axis: { labelColor: ink, titleColor: faint, gridColor: line, domainColor: faint, tickColor: faint, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 150 },
    axisQuantitative: { tickCount: 5 },
    view: { stroke: null },
    line: { color: colour("c0") },
    point: { color: colour("c0") },
    style: { slide: { color: colour("slide") }, hollow: { fill: colour("paper") } },
  };
}

function tip(handler, event, item, value) {
  const box = $("#page-tip");
  const words = value && String(value);
  box.hidden = !words;
  if (!words) return;
  box.textContent = words;
  const wide = box.offsetWidth, high = box.offsetHeight;
  box.style.left = Math.max(4, Math.min(event.clientX + 12, innerWidth - wide - 4)) + "px";
  box.style.top = Math.max(4, event.clientY - high - 12) + "px";
}

// Draws a chart into an element; a chart that cannot be drawn leaves a sentence there.
function chart(element, kind, datasets, description, change = () => {}) {
  drawn.set(element, () => chart(element, kind, datasets, description, change));
  try {
    if (!window.vegaEmbed) throw new Error("the chart library did not start");
    const spec = structuredClone(data.charts[kind]);
    spec.datasets = datasets;
    spec.layer &&= spec.layer.filter((layer) => datasets[layer.data.name].length);
    spec.autosize = { type: "fit-x", contains: "padding" };
    change(spec);
    element.embedded?.finalize();
    const options = { actions: false, renderer: "svg", config: look(), tooltip: tip };
    vegaEmbed(element, spec, options).then((result) => {
      element.embedded = result;
      describe(element, description);
    }, (error) => failed(element, error));
  } catch (error) {
    failed(element, error);
  }
}

function describe(element, description) {
  const svg = $("svg", element);
  if (!svg) return;
  for (const inner of all("[role], [aria-label], [aria-roledescription]", svg)) {
    for (const name of ["role", "aria-label", "aria-roledescription", "aria-hidden"]) inner.removeAttribute(name);
  }
  element.removeAttribute("role");
  element.removeAttribute("aria-roledescription");
  element.removeAttribute("aria-label");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", description);
}

function failed(element, error) {
  element.replaceChildren(made("p", { className: "problem" }, `This chart could not be drawn (${String(error.message ?? error).slice(0, 200)}). Its numbers are in the table.`));
}

function made(name, properties = {}, ...content) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
}

// Variants have the same colour in all charts of a claim; after eight colours the lines are dashed.
const looks = (variants) => ({
  color: { domain: variants, range: variants.map((_, place) => colour("c" + (place % 8))) },
  strokeDash: { domain: variants, range: variants.map((_, place) => (place < 8 ? [1, 0] : [5, 3])) },
});

function draw(card) {
  const claim = data.claims[card.id];
  if (!claim) return;
  const experiment = data.experiments[claim.experiment];
  const variants = [...new Set([...claim.variants, ...(experiment?.variants ?? [])])];
  for (const [place, drawing] of [[".dots", dots], [".curves", curves]]) {
    try {
      drawing(claim, experiment, variants, $(place, card));
    } catch (error) {
      failed($(place, card), error);
    }
  }
}

const shown = (value) => String(value).replace("-", "−");

// Dots of close values stand above each other: their lanes are 0, 1, −1, 2, … eighths of the row.
function lanes(values, bins = 70) {
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known), width = (Math.max(...known) - low) / bins || 1;
  const taken = new Map();
  return values.map((value) => {
    const bin = Math.round((value - low) / width);
    const count = taken.get(bin) ?? 0;
    taken.set(bin, count + 1);
    return (((count % 2 ? 1 : -1) * Math.ceil(count / 2)) % 8) / 8;
  });
}

function dots(claim, experiment, variants, into) {
  const seeds = [], slides = [];
  for (const row of claim.rows) {
    const values = data.values[row.values];
    const places = lanes(values);
    values.forEach((value, index) => {
      const who = row.quantiles ? `${index + 0.5} % of the seeds are below` : `seed ${index}`;
      if (value !== null) seeds.push({ variant: row.variant, value, lane: places[index], name: `${row.variant}, ${who}: ${shown(value)}` });
    });
    if (row.slide !== null) slides.push({ variant: row.variant, value: row.slide, name: `${row.variant}, the slide: ${row.printed}` });
  }
  const figure = into.appendChild(made("figure"));
  const caption = made("figcaption", {}, made("b", {}, `Seeds: ${claim.label}`), slides.length ? " – a dot is a seed, the red line the slide’s figure" : " – a dot is a seed");
  figure.append(caption);
  if (!seeds.length) {
    figure.append(made("p", { className: "faint" }, "No seed has a value: see the table."));
    return;
  }
  const values = [...seeds, ...slides].map((one) => one.value);
  const logarithmic = claim.log && values.every((value) => value > 0) && Math.max(...values) > 10 * Math.min(...values);
  const box = figure.appendChild(made("div", { className: "chart" }));
  const description = `Dots: ${claim.label} of ${claim.rows.map((row) => row.variant).join(", ")}; ${seeds.length} dots.`;
  chart(box, "dots", { seeds, slides }, description, (spec) => {
    scales(spec, "x", values, logarithmic, looks(variants));
    spec.height = 44 * claim.rows.length;
  });
}

// Sets the scales of the values and of what variants look like in every layer.
function scales(spec, channel, values, logarithmic, looks, epochs) {
  const most = Math.max(...values.map(Math.abs));
  const axis = most >= 1e5 || (most && most < 1e-3) || logarithmic ? { format: "~g" } : {};
  for (const layer of spec.layer) {
    const { encoding } = layer;
    if (encoding[channel]) {
      encoding[channel].scale = logarithmic ? { type: "log" } : { zero: false };
      encoding[channel].axis = axis;
    }
    if (epochs <= 10) encoding.x.axis = { values: [...Array(epochs).keys()].map((at) => at + 1), format: "d" };
    for (const [name, scale] of Object.entries(looks)) if (encoding[name]?.field) encoding[name].scale = scale;
  }
}

function curves(claim, experiment, variants, into) {
  if (!Object.keys(experiment?.curves ?? {}).length) return;
  const names = Object.keys(experiment.curves);
  let curve = names.includes(claim.metric) ? claim.metric : names[0];
  let logarithmic = false;
  const chosen = new Set(claim.variants);
  const figure = into.appendChild(made("figure"));
  const box = made("div", { className: "chart" });
  const caption = made("figcaption");
  const controls = made("fieldset", { className: "controls" }, made("legend", { className: "hidden" }, "Learning curves: variants and scale"));
  const which = made("select", { ariaLabel: "Curve" }, ...names.map((name) => made("option", { value: name, selected: name === curve }, experiment.curves[name].label)));
  const scale = made("button", { type: "button", className: "quiet", ariaPressed: "false" }, "Logarithmic");
  which.addEventListener("change", () => { curve = which.value; update(); });
  scale.addEventListener("click", () => {
    logarithmic = !logarithmic;
    scale.ariaPressed = String(logarithmic);
    update();
  });
  controls.append(which, scale);
  const legend = made("fieldset", { className: "controls" }, made("legend", { className: "hidden" }, "Variants"));
  variants.forEach((variant, place) => {
    if (!names.some((name) => experiment.curves[name].variants[variant])) return;
    const box = made("input", { type: "checkbox", checked: chosen.has(variant) });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(variant); else chosen.delete(variant);
      update();
    });
    const line = made("span", { className: "line" });
    line.style.borderColor = `var(--c${place % 8})`;
    if (place >= 8) line.style.borderTopStyle = "dashed";
    legend.append(made("label", {}, box, line, variant));
  });
  figure.append(caption, controls, box, legend);
  update();

  function update() {
    const of = experiment.curves[curve];
    const bands = [], seeds = [], slides = [], notes = [];
    const fits = (value) => Number.isFinite(value) && (!logarithmic || value > 0);
    const shownOf = variants.filter((variant) => chosen.has(variant) && of.variants[variant]);
    for (const variant of shownOf) {
      const { note, epochs, mean, low, high, seeds: drawnSeeds } = of.variants[variant];
      notes.push(`${variant}: ${note}`);
      epochs.forEach((epoch, at) => {
        if (fits(mean[at]) && fits(low[at])) bands.push({ variant, epoch, mean: mean[at], low: low[at], high: high[at] });
      });
      for (const [seed, values] of Object.entries(drawnSeeds)) {
        values.forEach((value, at) => {
          if (fits(value)) seeds.push({ variant, epoch: epochs[at], value, line: `${variant} ${seed}`, name: `${variant}, seed ${seed}, epoch ${epochs[at]}: ${shown(value)}` });
        });
      }
    }
    for (const [variant, points] of Object.entries(of.slides)) {
      if (!chosen.has(variant)) continue;
      for (const [epoch, value] of points) if (fits(value)) slides.push({ variant, epoch, value, name: `${variant}, the slide, epoch ${epoch}: ${shown(value)}` });
    }
    const many = [...new Set(shownOf.map((variant) => of.variants[variant].note))].join("; ");
    caption.replaceChildren(made("b", {}, `Learning curves: ${of.label}`), ` – ${many === "1 seed" ? "of the one seed that is recorded" : `thick line: mean of ${many}; ${of.band}; thin lines: the first seeds`}` + (slides.length ? "; hollow dots: the slide" : ""));
    if (!bands.length && !seeds.length) {
      drawn.delete(box);
      box.embedded?.finalize();
      box.embedded = undefined;
      box.replaceChildren(made("p", { className: "faint" }, chosen.size ? "No finite value to draw: choose another curve or scale." : "Choose a variant below."));
      return;
    }
    chart(box, "curves", { bands, seeds, slides }, `Learning curves: ${of.label} by epoch. ${notes.join("; ")}.`, (spec) => {
      const lines = bands.length ? bands.flatMap((band) => [band.low, band.high]) : seeds.map((point) => point.value);
      const last = Math.max(...[...bands, ...seeds].map((point) => point.epoch));
      scales(spec, "y", [...lines, ...slides.map((point) => point.value)], logarithmic, looks(variants), last);
    });
  }
}

function trend() {
  const select = $("#page-trend");
  if (!select || select.dataset.drawn) return;
  select.dataset.drawn = "yes";
  const { runs, series } = data.trend;
  const update = () => {
    const one = series[select.value];
    const points = one.runs.map((run, at) => ({ date: runs[run].date, value: one.values[at], name: `${runs[run].date.slice(0, 10)}, ${runs[run].machine}: ${shown(one.values[at])} ${one.unit}` }));
    chart($("#page-trend-chart"), "trend", { points }, `Trend of ${one.name} over ${points.length} runs.`);
  };
  select.addEventListener("change", update);
  update();
}

function measure() {
  document.documentElement.style.setProperty("--bar", `${$(".bar").offsetHeight}px`);
}
addEventListener("resize", measure);
measure();
themed();
restore();
