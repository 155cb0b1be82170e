'use strict';
// Sound goes to the server as 16-bit samples at 16 kHz; what comes back is drawn as it comes.
const rate = 16000, frameSeconds = 512 / rate, shownSeconds = 30;
const $ = id => document.getElementById(id);
let session = null;

function say(text, isError) {
  $('status').textContent = text;
  $('status').className = isError ? 'error' : '';
}

/** One run from its start to its end. */
class Session {
  constructor() {
    this.probabilities = [];
    this.segments = [];
    this.sentAt = [];
    this.samples = 0;
    this.cleanups = [];
    this.socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/speech?rate=${rate}`);
    this.socket.onmessage = e => this.hear(JSON.parse(e.data));
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error('the server does not answer'));
    });
    this.socket.onclose = e => this.close(e.code === 1000 ? 'Done.' : `The server closed the connection (${e.code}): ${e.reason || 'no reason given'}`, e.code !== 1000);
  }

  /** Floats in -1 … 1. */
  send(samples) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const bytes = new DataView(new ArrayBuffer(samples.length * 2));
    for (let i = 0; i < samples.length; i++)
      bytes.setInt16(2 * i, Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32768))), true);
    const now = performance.now(), first = Math.floor(this.samples / 512);
    this.samples += samples.length;
    for (let frame = first; frame < Math.floor(this.samples / 512); frame++) this.sentAt[frame] = now;
    this.socket.send(bytes.buffer);
  }

  hear(message) {
    if (message.type === 'frame') {
      this.probabilities.push(message.probability);
      $('time').textContent = `${(this.probabilities.length * frameSeconds).toFixed(1)} s`;
      $('probability').textContent = message.probability.toFixed(3);
      $('delay').textContent = `${(performance.now() - this.sentAt[message.frame]).toFixed(1)} ms`;
    } else if (message.type === 'segment') {
      this.segments.push(message);
      $('count').textContent = this.segments.length;
      const item = document.createElement('li');
      item.textContent = `${message.from.toFixed(2)} s to ${message.to.toFixed(2)} s`;
      $('segments').append(item);
    }
  }

  end() {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('end');
  }

  close(text, isError) {
    this.cleanups.forEach(clean => clean());
    this.cleanups = [];
    this.isClosed = true;
    if (session === this) {
      $('stop').disabled = true;
      say(text, isError);
    }
  }
}

async function begin(start) {
  if (session && !session.isClosed) { session.end(); session.close('', false); }
  $('segments').replaceChildren();
  $('count').textContent = '0';
  session = new Session();
  try {
    await session.opened;
    $('stop').disabled = false;
    await start(session);
  } catch (e) {
    session.close(e.message, true);
  }
}

$('file').onchange = e => {
  const file = e.target.files[0];
  if (!file) return;
  begin(async run => {
    // The browser resamples to the context's rate and mixes down below.
    const context = new AudioContext({ sampleRate: rate });
    run.cleanups.push(() => context.close());
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    const samples = new Float32Array(sound.length);
    for (let c = 0; c < sound.numberOfChannels; c++) {
      const channel = sound.getChannelData(c);
      for (let i = 0; i < samples.length; i++) samples[i] += channel[i] / sound.numberOfChannels;
    }
    if (!$('silent').checked) {
      const player = context.createBufferSource();
      player.buffer = sound;
      player.connect(context.destination);
      player.start();
    }
    say(`${file.name}: ${sound.duration.toFixed(1)} s`);
    const begun = performance.now();
    let at = 0;
    const timer = setInterval(() => {
      const until = Math.min(samples.length, Math.floor((performance.now() - begun) / 1000 * rate));
      for (; at < until; at += 4096) run.send(samples.subarray(at, Math.min(at + 4096, until)));
      at = Math.min(at, until);
      if (at >= samples.length) { clearInterval(timer); run.end(); }
    }, 32);
    run.cleanups.push(() => clearInterval(timer));
  });
  e.target.value = '';
};

$('microphone').onclick = () => begin(async run => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  run.cleanups.push(() => stream.getTracks().forEach(track => track.stop()));
  const context = new AudioContext({ sampleRate: rate });
  run.cleanups.push(() => context.close());
  await context.audioWorklet.addModule('capture.js');
  const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0 });
  capture.port.onmessage = e => run.send(e.data);
  context.createMediaStreamSource(stream).connect(capture);
  say('Listening.');
});

$('stop').onclick = () => session && session.end();

/** The last seconds: probability as a line, speech as bands. */
function draw() {
  const canvas = $('chart'), g = canvas.getContext('2d'), style = getComputedStyle(document.documentElement);
  const width = canvas.width, height = canvas.height, p = session ? session.probabilities : [];
  const first = Math.max(0, p.length - Math.round(shownSeconds / frameSeconds)), step = width / (shownSeconds / frameSeconds);
  const x = frame => (frame - first) * step, y = value => height - 10 - value * (height - 20);
  g.clearRect(0, 0, width, height);
  g.fillStyle = style.getPropertyValue('--speech');
  for (const s of session ? session.segments : []) g.fillRect(x(s.from / frameSeconds), 0, (s.to - s.from) / frameSeconds * step, height);
  g.strokeStyle = style.getPropertyValue('--grid');
  g.beginPath();
  for (const value of [0, 0.5, 1]) { g.moveTo(0, y(value)); g.lineTo(width, y(value)); }
  g.stroke();
  g.strokeStyle = style.getPropertyValue('--line');
  g.lineWidth = 2;
  g.beginPath();
  for (let i = first; i < p.length; i++) g.lineTo(x(i), y(p[i]));
  g.stroke();
  g.lineWidth = 1;
  requestAnimationFrame(draw);
}
requestAnimationFrame(draw);
