// The list of cases and the view of a single case. Data becomes text, never markup: elements are created by name, and
// their contents are set as textContent. Nothing is fetched, stored or sent.
"use strict";
(function () {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const blocks = Array.from(document.querySelectorAll("script.block"));
  const rows = [];
  const places = [];
  const byName = new Map();
  let shown = [];
  let filters = {};
  let pattern = null;
  let chosen = 0;
  let loaded = false;
  const ROW = 40;
  const WORDS = { passed: "passed", failed: "failed", error: "error", pending: "pending", flaky: "flaky", outdated: "out of date" };
  const WHY = {
    passed: "Checks", failed: "Why it failed", error: "Why there is no answer", pending: "Why it is pending", flaky: "Why it is flaky", outdated: "Why it is out of date"
  };
  const SIGNS = { passed: "✓", failed: "✗", error: "!", pending: "?", flaky: "~", outdated: "○" };
  const CHANGES = { regressed: "regressed", fixed: "fixed", answer: "another answer", same: "the same", "new": "only in this run" };
  const SORTS = {
    "": "original order", name: "name", "-latency": "slowest first", "-cost": "most expensive first", "-out": "longest first", state: "worst first"
  };
  const GRAVITY = { error: 0, failed: 1, outdated: 2, pending: 3, flaky: 4, passed: 5 };
  const $ = (id) => document.getElementById(id);

  // --- text ---------------------------------------------------------------------------------------------------------

  const HARMFUL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffc\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]|\p{Cs}/gu;

  // Write invisible characters, and those that reorder text, as escapes, as runner does on a terminal.
  function visible(text) {
    return String(text).replace(HARMFUL, function (each) {
      const code = each.codePointAt(0).toString(16);
      return code.length <= 2 ? "\\x" + code.padStart(2, "0") : code.length <= 4 ? "\\u" + code.padStart(4, "0") : "\\U" + code.padStart(8, "0");
    });
  }

  function el(name, attributes, ...content) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : visible(value));
    }
    for (const each of content.flat()) {
      if (each === null || each === undefined || each === false) continue;
      made.append(each instanceof Node ? each : document.createTextNode(visible(each)));
    }
    return made;
  }

  function json(value, indent) { return JSON.stringify(value, null, indent); }
  function count(number) { return number.toLocaleString("en-US"); }
  function plural(number, noun) { return count(number) + " " + noun + (number === 1 ? "" : "s"); }
  function time(ms) {
    return ms === undefined ? "" : ms < 1000 ? Math.round(ms) + " ms" : ms < 9950 ? (ms / 1000).toFixed(1) + " s" : Math.round(ms / 1000) + " s";
  }
  function dollars(cost) {
    if (cost === undefined) return "";
    if (cost === 0) return "$0";
    return "$" + (cost >= 1 ? cost.toFixed(2) : cost >= 0.0001 ? cost.toFixed(4) : cost.toPrecision(2));
  }
  function answerOf(row) {
    if (row.output !== undefined) return json(row.output);
    if (row.text) return row.text;
    return row.calls ? json(row.calls) : "";
  }
  function reasonOf(row) {
    if (row.state === "passed") return "";
    if (row.error) return row.error.code + ": " + row.error.message;
    const check = (row.checks || []).find((each) => each.passed === false);
    if (row.approved && row.approved.fields.some((each) => !each.equal)) return row.verdict || "differs from the approved answer";
    if (check) return check.type + (check.path ? " " + check.path : "") + ": " + check.message;
    return row.verdict || row.detail || row.outcome;
  }

  // --- data ---------------------------------------------------------------------------------------------------------

  async function unpack(block) {
    const text = atob(block.textContent);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  function keep(row, block, place) {
    const words = [row.name, row.outcome, answerOf(row), reasonOf(row), json(row.vars) || "", json(row.columns) || "", row.model || ""];
    const kept = {
      name: row.name, prompt: row.prompt, variant: row.variant || "", state: row.state, outcome: row.outcome,
      latency: row.latency, cost: row.cost, out: row.out, why: row.why, change: row.change || "",
      value: row.output !== undefined ? row.output : (row.text || "").trim(),
      said: (row.state === "passed" ? answerOf(row) : reasonOf(row)).slice(0, 200),
      text: words.join("\n"), lower: "", wanted: expectations(row)
    };
    kept.lower = kept.text.toLowerCase();
    if (kept.lower === kept.text) kept.text = kept.lower;
    byName.set(row.name, rows.length);
    rows.push(kept);
    places.push([block, place]);
  }

  function expectations(row) {
    let found = null;
    for (const check of row.checks || []) {
      if ((check.type === "equals" || check.type === "labels") && check.expected !== undefined) (found = found || {})[check.path || "$"] = check.expected;
    }
    if (row.approved) {
      found = found || {};
      if (!("$" in found)) found.approved = row.approved.value;
    }
    return found;
  }

  async function load() {
    let next = performance.now() + 40;
    for (let block = 0; block < blocks.length; block++) {
      const some = await unpack(blocks[block]);
      for (let place = 0; place < some.length; place++) keep(some[place], block, place);
      if (block === 0 || performance.now() > next) {
        refresh();
        await new Promise((resolve) => setTimeout(resolve));
        next = performance.now() + 250;
      }
    }
    loaded = true;
    fill();
    refresh();
    document.documentElement.setAttribute("data-loaded", String(rows.length));
    go();
  }

  async function whole(index) {
    const [block, place] = places[index];
    return (await unpack(blocks[block]))[place];
  }

  // --- filters ------------------------------------------------------------------------------------------------------

  function options(select, values, words) {
    select.replaceChildren(el("option", { value: "" }, "any"), ...values.map((each) => el("option", { value: each }, (words && words[each]) || each)));
  }

  function fill() {
    const all = (name) => Array.from(new Set(rows.map((row) => row[name]))).filter(Boolean);
    options($("state"), facts.states, WORDS);
    options($("outcome"), all("outcome").sort());
    options($("prompt"), all("prompt").sort());
    options($("variant"), all("variant").sort());
    options($("change"), Object.keys(CHANGES).filter((each) => rows.some((row) => row.change === each)), CHANGES);
    $("prompt").parentElement.hidden = all("prompt").length < 2;
    $("variant-label").hidden = !all("variant").length;
    $("change-label").hidden = !all("change").length;
    $("sort").replaceChildren(...Object.entries(SORTS).map(([value, words]) => el("option", { value: value }, words)));
    write();
  }

  function steps(path) {
    const found = [];
    const step = /\.([A-Za-z_][\w-]*)|\[(\d+|\*)\]|\[('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]/y;
    step.lastIndex = path.startsWith("$") ? 1 : 0;
    if (!path.startsWith("$")) path = "." + path;
    while (step.lastIndex < path.length) {
      const each = step.exec(path);
      if (!each) return null;
      if (each[1] !== undefined) found.push(each[1]);
      else if (each[2] !== undefined) found.push(each[2] === "*" ? "*" : Number(each[2]));
      else found.push(each[3].slice(1, -1).replace(/\\(.)/g, "$1"));
    }
    return found;
  }

  function at(value, path) {
    let found = [value];
    for (const step of path) {
      const next = [];
      for (const each of found) {
        if (each === null || typeof each !== "object") continue;
        if (step === "*") { if (Array.isArray(each)) next.push(...each); }
        else if (Object.prototype.hasOwnProperty.call(each, step)) next.push(each[step]);
      }
      found = next;
    }
    return found;
  }

  function literal(text) {
    try { return JSON.parse(text); } catch (error) { return text; }
  }

  // `$.label = "other"`, `$.score > 0.5`, `$.label`. Returns a test of a row, or null if the text is not one.
  function fieldTest(text) {
    const parts = /^\s*(.+?)\s*(?:(!=|<=|>=|=|<|>)\s*(.*?)\s*)?$/.exec(text);
    const path = parts && steps(parts[1]);
    if (!path) return null;
    if (!parts[2]) return (row) => at(row.value, path).length > 0;
    const wanted = literal(parts[3]);
    const nothing = parts[3] === "(nothing)";
    const key = json(wanted);
    return function (row) {
      const found = at(row.value, path);
      if (nothing) return found.length === 0;
      return found.some(function (each) {
        switch (parts[2]) {
          case "=": return json(each) === key;
          case "!=": return json(each) !== key;
          case "<": return each < wanted;
          case ">": return each > wanted;
          case "<=": return each <= wanted;
          default: return each >= wanted;
        }
      });
    };
  }

  function expectedTest(text, field) {
    const path = field.split(/\s*(?:!=|<=|>=|=|<|>)/)[0].trim();
    const inside = steps(path);
    const key = json(literal(text));
    return function (row) {
      if (!row.wanted) return false;
      if (path in row.wanted) return json(row.wanted[path]) === key;
      return row.wanted.approved !== undefined && inside !== null && at(row.wanted.approved, inside).some((each) => json(each) === key);
    };
  }

  function tests() {
    const found = [];
    let wrong = "";
    for (const name of ["state", "outcome", "prompt", "variant", "change"]) {
      const wanted = filters[name];
      if (wanted) found.push((row) => row[name] === wanted);
    }
    if (filters.why) {
      const why = Number(filters.why);
      found.push((row) => row.why === why);
    }
    if (filters.field) {
      const test = fieldTest(filters.field);
      if (test) found.push(test); else wrong = "The field is not a path such as $.label or $.items[0].price.";
      if (filters.expected && test) found.push(expectedTest(filters.expected, filters.field));
    }
    pattern = null;
    const query = (filters.q || "").trim();
    const regex = /^\/(.+)\/([ims]*)$/.exec(query);
    if (regex) {
      try {
        pattern = new RegExp(regex[1], regex[2]);
        found.push((row) => pattern.test(row.text));
      } catch (error) { wrong = "That is not a valid regular expression: " + error.message; }
    } else if (query) {
      const words = query.toLowerCase().match(/"[^"]*"|\S+/g).map((each) => (each.length > 2 && each.startsWith('"') && each.endsWith('"') ? each.slice(1, -1) : each));
      found.push((row) => words.every((word) => row.lower.includes(word)));
    }
    return [found, wrong];
  }

  function refresh() {
    const [found, wrong] = tests();
    const kept = [];
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      let fits = true;
      for (const test of found) if (!test(row)) { fits = false; break; }
      if (fits) kept.push(index);
    }
    const key = (filters.sort || "").replace("-", "");
    if (key === "name") kept.sort((a, b) => (rows[a].name < rows[b].name ? -1 : rows[a].name > rows[b].name ? 1 : a - b));
    else if (key === "state") kept.sort((a, b) => GRAVITY[rows[a].state] - GRAVITY[rows[b].state] || a - b);
    else if (key) kept.sort((a, b) => (rows[b][key] || 0) - (rows[a][key] || 0) || a - b);
    shown = kept;
    chosen = Math.min(chosen, Math.max(shown.length - 1, 0));
    const total = loaded ? rows.length : facts.total;
    $("count").textContent = (wrong ? wrong + " " : "") + (shown.length === rows.length && loaded ? plural(total, "answer") : count(shown.length) + " of " + plural(total, "answer")) + (loaded ? "" : ", loading …");
    $("count").classList.toggle("wrong", Boolean(wrong));
    const reason = filters.why ? facts.reasons[Number(filters.why)] : null;
    $("why").hidden = !reason;
    if (reason) $("why").replaceChildren("Only those that did not pass for this reason: ", el("strong", {}, (reason.kind + " " + reason.path).trim() + ": " + reason.message));
    draw();
  }

  // --- the list -----------------------------------------------------------------------------------------------------

  function draw() {
    const list = $("list");
    $("room").style.height = shown.length * ROW + "px";
    const first = Math.max(Math.floor(list.scrollTop / ROW) - 8, 0);
    const last = Math.min(first + Math.ceil((list.clientHeight || 640) / ROW) + 16, shown.length);
    const drawn = [];
    for (let place = first; place < last; place++) drawn.push(line(place));
    $("room").replaceChildren(...drawn);
    if (shown.length) list.setAttribute("aria-activedescendant", "row-" + chosen); else list.removeAttribute("aria-activedescendant");
  }

  function line(place) {
    const row = rows[shown[place]];
    const made = el("div", { "class": "row is-" + row.state, role: "option", id: "row-" + place, "aria-selected": String(place === chosen), "aria-posinset": place + 1, "aria-setsize": shown.length },
      el("span", { "class": "sign", "aria-hidden": "true" }, SIGNS[row.state]),
      el("span", { "class": "only-read" }, WORDS[row.state]),
      el("span", { "class": "name" }, row.name),
      el("span", { "class": "said" }, row.said.replace(/\s+/g, " ") || "(no text)"),
      row.change && row.change !== "same" ? el("span", { "class": "chip change-" + row.change }, CHANGES[row.change]) : null,
      el("span", { "class": "number" }, time(row.latency)),
      el("span", { "class": "number cost" }, dollars(row.cost)));
    made.style.top = place * ROW + "px";
    made.addEventListener("click", () => open(place));
    return made;
  }

  function open(place) {
    chosen = place;
    location.hash = address(rows[shown[place]].name);
  }

  function address(name) { return "#case=" + encodeURIComponent(name).replace(/%2F/g, "/").replace(/%40/g, "@"); }

  function move(by) {
    chosen = Math.max(0, Math.min(shown.length - 1, chosen + by));
    const list = $("list");
    const top = chosen * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    draw();
  }

  // --- one case -----------------------------------------------------------------------------------------------------

  function part(title, ...content) { return el("section", { "class": "card full" }, el("h3", {}, title), ...content); }

  function pre(text, kind) {
    return el("pre", { "class": kind || null, tabindex: 0, role: "region", "aria-label": kind === "message" ? "Message" : "Text" }, text);
  }

  function value(thing) { return typeof thing === "string" ? thing : json(thing, 2); }

  function facts_of(pairs) {
    return el("dl", { "class": "facts" }, pairs.filter((each) => each[1] !== undefined && each[1] !== null && each[1] !== "").map((each) => el("div", {}, el("dt", {}, each[0]), el("dd", {}, each[1]))));
  }

  function message(each) {
    const content = each.content;
    const rest = Object.fromEntries(Object.entries(each).filter(([key]) => key !== "role" && key !== "content"));
    const parts = Array.isArray(content)
      ? content.map((one) => pre(one && typeof one.text === "string" ? one.text : value(one), "message"))
      : content === null || content === undefined ? [] : [pre(value(content), "message")];
    if (Object.keys(rest).length) parts.push(pre(value(rest), "message"));
    return el("div", { "class": "turn" }, el("h4", {}, each.role || "message"), parts);
  }

  // Compare two texts word by word: parts of only the first, of both, of only the second.
  function words(one, two) {
    const a = one.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
    const b = two.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start++;
    let end = 0;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
    const x = a.slice(start, a.length - end);
    const y = b.slice(start, b.length - end);
    const found = [];
    const push = (kind, word) => { if (found.length && found[found.length - 1][0] === kind) found[found.length - 1][1] += word; else found.push([kind, word]); };
    a.slice(0, start).forEach((each) => push("same", each));
    if (x.length * y.length > 4e6) {
      push("old", x.join("")); push("new", y.join(""));
    } else {
      const width = y.length + 1;
      const longest = new Uint32Array((x.length + 1) * width);
      for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) {
        longest[i * width + j] = x[i] === y[j] ? longest[(i + 1) * width + j + 1] + 1 : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
      }
      let i = 0, j = 0;
      while (i < x.length || j < y.length) {
        if (i < x.length && j < y.length && x[i] === y[j]) { push("same", x[i]); i++; j++; }
        else if (j >= y.length || (i < x.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) push("old", x[i++]);
        else push("new", y[j++]);
      }
    }
    a.slice(a.length - end).forEach((each) => push("same", each));
    return found;
  }

  function difference(before, now, left, right) {
    const found = words(before, now);
    const side = (kind, tag) => found.filter((each) => each[0] === "same" || each[0] === kind).map((each) => (each[0] === kind ? el(tag, {}, each[1]) : each[1]));
    return el("div", { "class": "sides" },
      el("div", {}, el("h4", {}, left), el("pre", { tabindex: 0, role: "region", "aria-label": left }, side("old", "del"))),
      el("div", {}, el("h4", {}, right), el("pre", { tabindex: 0, role: "region", "aria-label": right }, side("new", "ins"))));
  }

  function table(heads, lines) {
    return el("div", { "class": "wide", tabindex: 0, role: "region", "aria-label": heads.join(", ") }, el("table", {},
      el("thead", {}, el("tr", {}, heads.map((each) => el("th", { scope: "col" }, each)))),
      el("tbody", {}, lines.map((each) => el("tr", { "class": each.kind || null }, each.cells.map((cell, place) => el(place ? "td" : "th", place ? {} : { scope: "row" }, cell)))))));
  }

  function answerPart(row) {
    const parts = [];
    if (row.outcome === "not asked") parts.push(el("p", { "class": "hint" }, "No request was sent: " + (row.verdict || "")));
    else if (row.replayed) parts.push(el("p", { "class": "hint" }, "Replayed: this is the approved answer; no request was sent."));
    if (row.output !== undefined) parts.push(pre(value(row.output)));
    else if (row.text) parts.push(pre(row.text));
    else if (!row.calls && row.outcome !== "not asked") parts.push(el("p", { "class": "hint" }, "There is no text."));
    for (const each of row.media || []) {
      if (each.url && each.type.startsWith("image/")) parts.push(el("img", { "class": "medium", src: each.url, alt: each.type + ", " + each.bytes + " bytes" }));
      else if (each.url) parts.push(el("audio", { controls: "", src: each.url }));
      if (each.file) parts.push(el("p", { "class": "hint" }, (each.lost ? "This file is no longer there, or has changed: " : "") + each.file));
    }
    if (row.calls) parts.push(el("h4", {}, "Tool calls"), pre(value(row.calls)));
    if (row.reasoning) parts.push(el("details", {}, el("summary", {}, "Reasoning"), pre(row.reasoning)));
    if (row.annotations) parts.push(el("details", {}, el("summary", {}, "Annotations"), pre(value(row.annotations))));
    if (row.extra) parts.push(el("details", {}, el("summary", {}, "Other fields"), pre(value(row.extra))));
    return part("Answer", parts);
  }

  function whyPart(row) {
    const parts = [];
    const said = (row.checks || []).some((each) => each.passed === false && (row.verdict || "").includes(each.message));
    if (row.verdict && row.state !== "passed" && !said) parts.push(el("p", {}, row.verdict));
    if (row.error) {
      parts.push(el("p", { "class": "problem" }, (row.error.status ? row.error.status + " " : "") + row.error.code + ": " + row.error.message));
      if (row.error.hint) parts.push(el("p", { "class": "hint" }, "Hint: " + row.error.hint));
    }
    if (row.detail && !row.error) parts.push(el("p", { "class": "problem" }, row.outcome + ": " + row.detail));
    if (row.checks) {
      parts.push(table(["check", "", "where", "message"], row.checks.slice().sort((a, b) => (a.passed ?? 2) - (b.passed ?? 2)).map((each) => ({
        kind: each.passed === false ? "fails" : "holds", cells: [each.type, each.passed === null ? "– not applicable" : each.passed ? "✓ holds" : "✗ fails", each.path ? el("code", {}, each.path) : "", each.message]
      }))));
    }
    return parts.length ? part(WHY[row.state], parts) : null;
  }

  function approvedPart(row) {
    if (!row.approved || (row.replayed && row.state === "passed")) return null;
    const parts = [];
    const cell = (thing, missing) => (missing ? el("span", { "class": "hint" }, "(nothing)") : el("code", {}, json(thing)));
    if (row.approved.agreement) parts.push(el("p", { "class": "hint" }, row.approved.agreement[0] + " of " + plural(row.approved.agreement[1], "sample") + " agreed when it was approved."));
    if (row.approved.fields.length) {
      parts.push(table(["path", "approved", "new", "deciding rule", "verdict"], row.approved.fields.map((each) => ({
        kind: each.equal ? "holds" : "fails",
        cells: [el("code", {}, each.path), cell(each.approved, each.approved_missing), cell(each["new"], each.new_missing), each.rule + (each.note ? " (" + each.note + ")" : ""), each.equal ? "✓ same" : "✗ changed"]
      }))));
      parts.push(difference(value(row.approved.value), value(row.output !== undefined ? row.output : row.text || ""), "Approved", "New"));
    } else if (row.replayed || row.error) parts.push(pre(value(row.approved.value)));
    else parts.push(el("p", {}, "The answer is as approved."));
    return part("Approved and new answer", parts);
  }

  function earlierPart(row) {
    if (!row.earlier) return null;
    const was = row.earlier;
    const parts = [facts_of([["state before", WORDS[was.state]], ["outcome before", was.outcome], ["latency before", time(was.latency)], ["cost before", dollars(was.cost)], ["request", was.fingerprint === row.fingerprint ? "the same" : "another one"]])];
    const text = (each) => (each.output !== undefined ? value(each.output) : each.text || (each.calls ? value(each.calls) : ""));
    if (text(was) === text(row)) parts.push(el("p", {}, "The answer is the same."));
    else parts.push(difference(text(was), text(row), "The other run", "This run"));
    return part("Compared with the other run", parts);
  }

  function questionPart(row) {
    const parts = [];
    if (row.changed) parts.push(el("p", { "class": "note" }, "The prompt has changed since this run: these are the messages that it would send today, not those that were sent."));
    if (row.messages) parts.push(...row.messages.map(message));
    else parts.push(el("p", { "class": "hint" }, "The messages are not shown: " + (row.unknown || "they are not known") + "."));
    if (row.vars && Object.keys(row.vars).length) {
      parts.push(el("details", { open: !row.messages }, el("summary", {}, "Variables"), table(["variable", "value"], Object.entries(row.vars).map(([name, each]) => ({ cells: [el("code", {}, name), el("div", { "class": "value" }, value(each))] })))));
    }
    if (row.columns) {
      parts.push(el("details", { open: true }, el("summary", {}, "Other columns of the row"), table(["column", "value"], Object.entries(row.columns).map(([name, each]) => ({ cells: [el("code", {}, name), el("div", { "class": "value" }, value(each))] })))));
    }
    return part("Question", parts);
  }

  async function showCase(name) {
    const index = byName.get(name);
    const box = $("case");
    if (index === undefined) {
      box.replaceChildren(el("p", { "class": "note" }, loaded ? "There is no case " + name + " in this report." : "Loading …"));
    } else {
      const row = await whole(index);
      const place = shown.indexOf(index);
      if (place >= 0) chosen = place;
      const beside = (by, words) => {
        const other = place >= 0 ? shown[place + by] : undefined;
        return other === undefined ? el("span", { "class": "button off" }, words) : el("a", { "class": "button", href: address(rows[other].name), rel: by < 0 ? "prev" : "next" }, words);
      };
      box.replaceChildren(
        el("div", { "class": "tools" }, el("a", { "class": "button", href: listAddress() }, "← All cases"), beside(-1, "Previous"), beside(1, "Next"),
          el("span", { "class": "hint" }, place >= 0 ? count(place + 1) + " of " + count(shown.length) : "")),
        el("h3", { "class": "title is-" + row.state }, el("span", { "class": "state fill-" + row.state }, SIGNS[row.state] + " " + WORDS[row.state]), " ", row.name),
        facts_of([["outcome", row.outcome], ["model", row.served && row.served !== row.model ? row.model + " (served by " + row.served + ")" : row.model], ["latency", time(row.latency) + (row.cached ? " (from the cache)" : "")],
          ["tokens", row["in"] !== undefined ? count(row["in"]) + " in, " + count(row.out || 0) + " out" : ""], ["cost", dollars(row.cost)], ["finish reason", row.finish], ["attempts", row.attempts], ["file", row.file]]),
        ...(row.brief ? [el("p", { "class": "note" }, "This run is large: the report does not contain the texts of cases that passed. runner runs show prints the folder of its records.")]
          : [whyPart(row), questionPart(row), answerPart(row), approvedPart(row), earlierPart(row)].filter(Boolean)));
    }
    $("browser").hidden = true;
    box.hidden = false;
  }

  // --- addresses ----------------------------------------------------------------------------------------------------

  function decode(text) { try { return decodeURIComponent(text); } catch (error) { return text; } }

  function query() {
    return Object.entries(filters).filter((each) => each[1]).map((each) => each[0] + "=" + encodeURIComponent(each[1])).join("&");
  }

  function listAddress() { const text = query(); return "#cases" + (text ? "?" + text : ""); }

  function write() {
    for (const name of ["q", "state", "outcome", "prompt", "variant", "change", "field", "sort"]) $(name).value = filters[name] || "";
  }

  function read() {
    const was = filters;
    filters = {};
    for (const name of ["q", "state", "outcome", "prompt", "variant", "change", "field", "sort"]) if ($(name).value) filters[name] = $(name).value;
    if (was.why) filters.why = was.why;
    if (was.expected && filters.field === was.field) filters.expected = was.expected;
    history.replaceState(null, "", listAddress());
    chosen = 0;
    $("list").scrollTop = 0;
    refresh();
  }

  function select(name) {
    for (const section of document.querySelectorAll("main > section")) section.classList.toggle("off", section.id !== name);
    for (const link of document.querySelectorAll("nav a")) {
      if (link.getAttribute("data-part") === name) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
    }
  }

  function go() {
    const hash = location.hash.slice(1);
    if (hash.startsWith("case=")) {
      select("cases");
      showCase(decode(hash.slice(5))).then(() => { window.scrollTo(0, 0); $("case").focus({ preventScroll: true }); });
      return;
    }
    const [name, search] = hash.split("?");
    const known = Array.from(document.querySelectorAll("main > section")).some((section) => section.id === name);
    select(known ? name : "overview");
    if (name === "cases") {
      const before = query();
      filters = {};
      for (const each of (search || "").split("&")) {
        const cut = each.indexOf("=");
        if (cut > 0) filters[each.slice(0, cut)] = decode(each.slice(cut + 1));
      }
      write();
      $("case").hidden = true;
      $("browser").hidden = false;
      if (query() !== before) chosen = 0;
      refresh();
      move(0);
    }
  }

  // --- keys ---------------------------------------------------------------------------------------------------------

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    const listing = !$("browser").hidden && !$("cases").classList.contains("off");
    const reading = !$("case").hidden && !$("cases").classList.contains("off");
    if (event.key === "Escape") {
      if (typing) event.target.blur(); else if (reading) location.hash = listAddress();
      return;
    }
    if (typing) {
      if (event.key === "Enter" && event.target.id === "q") { event.preventDefault(); $("list").focus(); }
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      if (!listing) location.hash = listAddress();
      setTimeout(() => $("q").focus());
      return;
    }
    if (reading && (event.key === "j" || event.key === "k")) {
      const link = document.querySelector(event.key === "j" ? "#case a[rel=next]" : "#case a[rel=prev]");
      if (link) location.hash = link.getAttribute("href");
      return;
    }
    if (!listing) return;
    const page = Math.max(Math.floor($("list").clientHeight / ROW) - 1, 1);
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -shown.length, End: shown.length }[event.key];
    const focused = document.activeElement === $("list") || document.activeElement === document.body || document.activeElement === $("main");
    if (by !== undefined && (focused || event.key === "j" || event.key === "k")) { event.preventDefault(); $("list").focus({ preventScroll: true }); move(by); }
    else if (event.key === "Enter" && focused && shown.length) { event.preventDefault(); open(chosen); }
  });

  // --- start --------------------------------------------------------------------------------------------------------

  document.documentElement.classList.add("script");
  $("browser").hidden = false;
  $("list").addEventListener("scroll", draw, { passive: true });
  window.addEventListener("resize", draw);
  window.addEventListener("hashchange", go);
  $("filters").addEventListener("input", read);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("reset", function () { filters = {}; setTimeout(read); });
  $("filters").addEventListener("reset", function () { delete filters.why; delete filters.expected; });
  $("sort").replaceChildren(...Object.entries(SORTS).map(([value, words]) => el("option", { value: value }, words)));
  options($("state"), facts.states, WORDS);
  for (const name of ["outcome", "prompt", "variant", "change"]) options($(name), []);
  go();
  load().catch(function (error) { $("count").textContent = "The cases of this report cannot be read: " + error.message; });
})();
