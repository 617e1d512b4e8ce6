package dev.outboard.host.pci;

import dev.outboard.driver.DeviceException;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Resources;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.pci.PciFunction;
import java.util.ArrayList;
import java.util.List;

/**
 * The interrupt vectors of a function that a driver has claimed: as many are set up as it asks for.
 * A message has one claimer; a line has as many as want it.
 *
 * <p>The driver's thread; {@link #wake} any. Closing silences the function.
 */
final class PciVectors implements AutoCloseable {
    private final String name;
    private final PciFunction function;
    private final WaitPolicy waiting;
    private final SharedLine line;
    private final Resources resources = new Resources();

    /** What the function signals; of a line, one for each who has claimed it. */
    private final List<EventDescriptor> events = new ArrayList<>();

    /** By vector, of messages; null where nobody has claimed it yet. */
    private final List<Interrupt> claimed = new ArrayList<>();

    /**
     * None yet.
     *
     * @param function stays its owner's
     */
    PciVectors(String name, PciFunction function, WaitPolicy waiting) {
        this.name = name;
        this.function = function;
        this.waiting = waiting;
        line = function.isLine() ? new SharedLine(function) : null;
    }

    int count() {
        return function.maximumVectors();
    }

    /**
     * Claims a vector.
     *
     * @param ofDriver how its driver masks it, beside the line's own mask
     * @throws DeviceException if there is none such, or it is claimed already
     */
    Interrupt claim(int vector, InterruptLine ofDriver) {
        if (vector < 0 || vector >= count()) {
            throw new DeviceException(
                    "device %s has no interrupt vector %d: it has %d"
                            .formatted(name, vector, count()));
        }
        if (line != null) {
            int mine = events.size();
            grow(mine + 1);
            return open(mine, vector, line.share(ofDriver));
        }
        Interrupt before = vector < claimed.size() ? claimed.get(vector) : null;
        if (before != null && !before.isClosed()) {
            throw new DeviceException(
                    "interrupt vector %d of device %s is claimed already: close its other owner"
                            .formatted(vector, name));
        }
        grow(vector + 1);
        return open(vector, vector, ofDriver);
    }

    private Interrupt open(int index, int vector, InterruptLine masks) {
        EventDescriptor own = EventDescriptor.adopt(events.get(index).descriptor().duplicate());
        // What was left by who had it before is nobody's.
        own.drain();
        var interrupt = Interrupt.open(name + " vector " + vector, masks, own, waiting);
        synchronized (claimed) {
            while (claimed.size() <= index) {
                claimed.add(null);
            }
            claimed.set(index, interrupt);
        }
        return interrupt;
    }

    /** Has so many signalled. What came while they were exchanged is made up for by a wake. */
    private void grow(int wanted) {
        int before = events.size();
        if (wanted <= before) {
            return;
        }
        while (events.size() < wanted) {
            events.add(resources.add(EventDescriptor.create()));
        }
        try {
            function.signal(List.copyOf(events));
        } catch (RuntimeException refused) {
            while (events.size() > before) {
                events.removeLast();
            }
            function.signal(List.copyOf(events));
            throw refused;
        }
        for (EventDescriptor event : events.subList(0, before)) {
            event.signal();
        }
    }

    /** Ends every wait. Any thread. */
    void wake() {
        List<Interrupt> woken;
        synchronized (claimed) {
            woken = claimed.stream().filter(one -> one != null).toList();
        }
        woken.forEach(Interrupt::wake);
    }

    /** Before the events are closed nobody signals them any more. */
    @Override
    public void close() {
        try {
            if (!events.isEmpty()) {
                events.clear();
                function.signal(List.of());
            }
        } finally {
            resources.close();
        }
    }
}
