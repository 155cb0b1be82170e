'use strict';
const kept = 300, series = { frames: [], delay: [], memory: [] };
let last = null;

function show(now) {
  const seconds = last ? now.seconds - last.seconds : 0;
  const rate = seconds > 0 ? (now.frames - last.frames) / seconds : 0;
  const load = seconds > 0 ? (now.processorSeconds - last.processorSeconds) / seconds : 0;
  const numbers = {
    connections: now.connections, streams: now.streams, 'frames a second': rate.toFixed(0), 'mean batch': now.meanBatch.toFixed(1),
    median: `${now.medianMilliseconds.toFixed(1)} ms`, '99 of 100': `${now.p99Milliseconds.toFixed(1)} ms`, processors: load.toFixed(2),
    memory: `${now.workingSetMebibytes.toFixed(0)} MiB`, 'closed for what they sent': now.refused, 'broken off': now.failed,
  };
  document.getElementById('numbers').replaceChildren(...Object.entries(numbers).map(([name, value]) => {
    const box = document.createElement('div'), dt = document.createElement('dt'), dd = document.createElement('dd');
    dt.textContent = name;
    dd.textContent = value;
    dd.dataset.name = name;
    box.append(dt, dd);
    return box;
  }));
  for (const [name, value] of [['frames', rate], ['delay', now.p99Milliseconds], ['memory', now.workingSetMebibytes]]) {
    series[name].push(value);
    if (series[name].length > kept) series[name].shift();
    chart(name);
  }
  last = now;
  document.getElementById('status').textContent = `The server runs for ${now.seconds.toFixed(0)} s.`;
}

function chart(name) {
  const canvas = document.getElementById(name), g = canvas.getContext('2d'), values = series[name];
  const most = Math.max(...values, 1e-9), style = getComputedStyle(document.documentElement);
  g.clearRect(0, 0, canvas.width, canvas.height);
  g.strokeStyle = style.getPropertyValue('--line');
  g.lineWidth = 2;
  g.beginPath();
  values.forEach((value, i) => g.lineTo(i / (kept - 1) * canvas.width, canvas.height - 8 - value / most * (canvas.height - 24)));
  g.stroke();
  g.fillStyle = style.getPropertyValue('--ink');
  g.font = '14px system-ui, sans-serif';
  g.fillText(most.toPrecision(3), 4, 14);
}

async function ask() {
  try {
    const answer = await fetch('metrics.json', { cache: 'no-store' });
    show(await answer.json());
  } catch (e) {
    document.getElementById('status').textContent = `The server does not answer: ${e.message}`;
  }
  setTimeout(ask, 1000);
}
ask();
