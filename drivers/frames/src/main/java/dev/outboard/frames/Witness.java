package dev.outboard.frames;

import dev.outboard.driver.net.FrameWitness;
import java.util.concurrent.atomic.AtomicReference;

/** Who sees a queue's frames: set by any thread, looked at once a batch by the queue's. */
final class Witness {
    private final AtomicReference<FrameWitness> present = new AtomicReference<>();

    /** With acquire: what the witness is made of is there. Null for nobody. */
    FrameWitness get() {
        return present.getAcquire();
    }

    /**
     * Shows a batch that is about to be sent, to who looks.
     *
     * @param batch its slots, whose parts follow one another in the request
     * @param firstPosted slots from here on have nothing of the device's before the frame
     */
    void sent(
            FrameSlots slots,
            int[] batch,
            int count,
            long[] physicals,
            int[] lengths,
            int firstPosted,
            int frontBytes) {
        var seenBy = get();
        if (seenBy == null) {
            return;
        }
        int at = 0;
        for (int i = 0; i < count; i++) {
            int parts = slots.parts(batch[i]);
            int skipBytes = batch[i] < firstPosted ? frontBytes : 0;
            seenBy.sent(physicals, lengths, at, parts, skipBytes);
            at += parts;
        }
    }

    void set(FrameWitness wanted) {
        if (wanted == null) {
            present.set(null);
        } else if (!present.compareAndSet(null, wanted)) {
            throw new IllegalStateException("somebody looks at this queue already: end that first");
        }
    }
}
