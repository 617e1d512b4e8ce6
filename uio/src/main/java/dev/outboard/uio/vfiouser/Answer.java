package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;

/** What answers a request. */
record Answer(int length, Wire.Payload payload, Descriptor[] passed) {
    static final Answer NOTHING = new Answer(0, Wire.NONE, new Descriptor[0]);

    static Answer of(int length, Wire.Payload payload) {
        return new Answer(length, payload, new Descriptor[0]);
    }
}
