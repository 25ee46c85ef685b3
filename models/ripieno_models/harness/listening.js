"use strict";
// A blind comparison: two clips of the same form by different models, which are not named until
// somebody asks for the result. Votes stay in this browser, and can be saved as a file.

const Z = 1.959963984540054;

// The share of hits with Wilson's interval; null where there was no vote.
function share(hits, of) {
  if (of < 1) return null;
  const told = hits / of, spread = 1 + Z * Z / of;
  const middle = (told + Z * Z / (2 * of)) / spread;
  const half = Z * Math.sqrt(told * (1 - told) / of + Z * Z / (4 * of * of)) / spread;
  return {value: told, low: Math.max(0, middle - half), high: Math.min(1, middle + half)};
}

// All pairs of clips of one form by different models, in an order and on sides that `random` gives.
function pairs(clips, random) {
  const found = [];
  for (const one of clips)
    for (const other of clips)
      if (one.form === other.form && one.model < other.model)
        found.push(random() < 0.5 ? [one, other] : [other, one]);
  for (let last = found.length - 1; last > 0; last--) {
    const place = Math.floor(random() * (last + 1));
    [found[last], found[place]] = [found[place], found[last]];
  }
  return found;
}

// For each two models: how often each was preferred, and how often neither.
function tally(votes) {
  const table = new Map();
  for (const vote of votes) {
    const [one, other] = [vote.first, vote.second].sort();
    const key = JSON.stringify([one, other]);
    const row = table.get(key) || {one, other, won: 0, lost: 0, even: 0};
    if (vote.preferred === null) row.even++;
    else if (vote.preferred === one) row.won++;
    else row.lost++;
    table.set(key, row);
  }
  return [...table.values()];
}

function percent(number) { return Math.round(100 * number) + " %"; }

function start(clips, store, page) {
  const kept = "ripieno-votes";
  const votes = JSON.parse(store.getItem(kept) || "[]");
  const waiting = pairs(clips, Math.random);
  const say = (id, text) => { page.getElementById(id).textContent = text; };
  function show() {
    const pair = waiting[0];
    for (const [side, place] of [["left", 0], ["right", 1]]) {
      const player = page.getElementById(side);
      if (pair) player.src = pair[place].src; else player.removeAttribute("src");
    }
    say("left-over", pair ? waiting.length + " pairs left, " + votes.length + " votes" :
      "That was all: " + votes.length + " votes. Thank you.");
    for (const button of page.querySelectorAll(".vote")) button.disabled = !pair;
  }
  function vote(place) {
    const [first, second] = waiting.shift();
    const preferred = place === null ? null : [first, second][place].model;
    votes.push({first: first.model, second: second.model, form: first.form, preferred});
    store.setItem(kept, JSON.stringify(votes));
    show();
  }
  function tell() {
    const lines = tally(votes).map((row) => {
      const told = share(row.won, row.won + row.lost);
      const words = told === null ? "nobody preferred either" : percent(told.value) + " (" +
        percent(told.low) + "–" + percent(told.high) + ")";
      return row.one + " over " + row.other + ": " + words + ", " + (row.won + row.lost) +
        " votes, " + row.even + " even";
    });
    say("told", lines.join("\n") || "There are no votes yet.");
  }
  function save() {
    const link = page.createElement("a");
    const text = JSON.stringify({votes}, null, 2);
    link.href = "data:application/json;charset=utf-8," + encodeURIComponent(text);
    link.download = "votes.json";
    link.click();
  }
  page.getElementById("vote-left").onclick = () => vote(0);
  page.getElementById("vote-right").onclick = () => vote(1);
  page.getElementById("vote-even").onclick = () => vote(null);
  page.getElementById("tell").onclick = tell;
  page.getElementById("save").onclick = save;
  show();
}

if (typeof module !== "undefined") module.exports = {share, pairs, tally, start};
