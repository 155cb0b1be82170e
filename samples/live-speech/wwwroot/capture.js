'use strict';
// Collects the microphone's blocks of 128 samples into messages of 1024.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Float32Array(1024);
    this.have = 0;
  }

  process(inputs) {
    const channel = inputs[0][0];
    if (!channel) return true;
    this.samples.set(channel, this.have);
    this.have += channel.length;
    if (this.have === this.samples.length) {
      this.port.postMessage(this.samples.slice());
      this.have = 0;
    }
    return true;
  }
}
registerProcessor('capture', Capture);
