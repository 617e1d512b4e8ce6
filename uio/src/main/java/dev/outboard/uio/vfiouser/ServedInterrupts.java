package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The interrupts of a function, and the events by which its client hears of them, which this owns.
 * The session's thread.
 */
final class ServedInterrupts implements AutoCloseable {
    private final VfioUserDevice device;
    private final EventDescriptor[][] events = new EventDescriptor[VfioUserDescriptor.IRQS][0];

    ServedInterrupts(VfioUserDevice device) {
        this.device = device;
    }

    Answer info(MemorySegment payload) {
        int index = Request.index(payload, VfioUserDescriptor.IRQ_BYTES, VfioUserDescriptor.IRQS);
        return Answer.of(
                VfioUserDescriptor.IRQ_BYTES,
                into -> {
                    into.set(VfioUserDescriptor.U32, 0, VfioUserDescriptor.IRQ_BYTES);
                    into.set(VfioUserDescriptor.U32, 4, VfioUserDescriptor.IRQ_EVENT);
                    into.set(VfioUserDescriptor.U32, 8, index);
                    into.set(VfioUserDescriptor.U32, 12, vectors(index));
                });
    }

    private int vectors(int kind) {
        return kind <= VfioUserDescriptor.MSIX ? device.vectors(kind) : 0;
    }

    Answer set(MemorySegment payload, List<Descriptor> passed) {
        int kind =
                Request.index(payload, VfioUserDescriptor.SET_IRQS_BYTES, VfioUserDescriptor.IRQS);
        int flags = payload.get(VfioUserDescriptor.U32, 4);
        int first = payload.get(VfioUserDescriptor.U32, 12);
        int count = payload.get(VfioUserDescriptor.U32, 16);
        int vectors = vectors(kind);
        if (first < 0 || count < 0 || first > vectors - count) {
            throw new VfioUserException("no such vectors", VfioUserSession.EINVAL);
        }
        if ((flags & VfioUserDescriptor.IRQ_TRIGGER) == 0) {
            // A line of messages has no mask of its own.
            return Answer.NOTHING;
        }
        if ((flags & VfioUserDescriptor.IRQ_DATA_EVENT) != 0) {
            listen(kind, first, count, passed);
        } else if ((flags & VfioUserDescriptor.IRQ_DATA_NONE) != 0 && count == 0) {
            forget(kind);
        } else {
            trigger(kind, flags, first, count, payload);
        }
        return Answer.NOTHING;
    }

    private void listen(int kind, int first, int count, List<Descriptor> passed) {
        if (passed.size() != count && !passed.isEmpty()) {
            throw new VfioUserException(
                    "as many events as vectors, or none", VfioUserSession.EINVAL);
        }
        EventDescriptor[] old = events[kind];
        EventDescriptor[] now = Arrays.copyOf(old, Math.max(old.length, first + count));
        List<EventDescriptor> gone = new ArrayList<>();
        for (int at = 0; at < count; at++) {
            if (now[first + at] != null) {
                gone.add(now[first + at]);
            }
            now[first + at] =
                    passed.isEmpty() ? null : EventDescriptor.adopt(passed.get(at).duplicate());
        }
        events[kind] = now;
        device.signal(kind, now.clone());
        gone.forEach(EventDescriptor::close);
    }

    private void forget(int kind) {
        EventDescriptor[] old = events[kind];
        events[kind] = new EventDescriptor[0];
        device.signal(kind, events[kind]);
        for (EventDescriptor event : old) {
            if (event != null) {
                event.close();
            }
        }
    }

    /** The client raises an interrupt by itself: that is how it tries them. */
    private void trigger(int kind, int flags, int first, int count, MemorySegment payload) {
        boolean isChosen = (flags & VfioUserDescriptor.IRQ_DATA_BOOL) != 0;
        Request.need(payload, VfioUserDescriptor.SET_IRQS_BYTES + (isChosen ? count : 0));
        for (int at = 0; at < count; at++) {
            boolean isMeant =
                    !isChosen
                            || payload.get(
                                            ValueLayout.JAVA_BYTE,
                                            VfioUserDescriptor.SET_IRQS_BYTES + at)
                                    != 0;
            int vector = first + at;
            if (isMeant && vector < events[kind].length && events[kind][vector] != null) {
                events[kind][vector].signal();
            }
        }
    }

    /** Nobody is signalled any more. */
    @Override
    public void close() {
        for (int kind = 0; kind < events.length; kind++) {
            if (events[kind].length > 0) {
                forget(kind);
            }
        }
    }
}
