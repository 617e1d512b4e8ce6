package dev.outboard.nvme;

import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Notice;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Waits;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Hears what the controller says by itself: warnings of its health, changes of its namespaces, and
 * that it has failed, also while no request is under way. One daemon thread, which waits for the
 * admin queue's interrupt and looks once a second; ends with {@link #close}.
 *
 * <p>Reading the log page of an event is what lets the controller tell of the next of its kind.
 */
final class EventWatch implements AutoCloseable {
    private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Between two rounds: a controller that has gone mad gets no more of the processor. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    /** The log of changed namespaces: so many numbers, or the first alone says "more". */
    private static final int NAMESPACE_LOG_BYTES = NvmeDescriptor.PAGE_BYTES;

    private static final int TOO_MANY = -1;
    private static final int ZERO_CELSIUS_KELVIN = 273;
    private static final int NO_INTERRUPT = -1;

    private static final String[] WARNINGS = {
        "little spare capacity is left",
        "it is outside its range of temperature",
        "it has become unreliable",
        "it has become read-only",
        "the backup of its volatile memory has failed"
    };

    private final Device device;
    private final Controller controller;
    private final Map<Integer, Namespace> namespaces;
    private final Notices notices;
    private final int eventCount;
    private final int wanted;
    private final Interrupt interrupt;
    private final Thread thread;
    private volatile boolean closed;
    private long generation = -1;

    /**
     * Begins to watch.
     *
     * @param namespaces by their number
     * @param vector of the admin queue, or less than 0 where another has it
     */
    EventWatch(
            Device device,
            Controller controller,
            ControllerIdentity identity,
            Map<Integer, Namespace> namespaces,
            Notices notices,
            int vector) {
        this.device = device;
        this.controller = controller;
        this.namespaces = namespaces;
        this.notices = notices;
        eventCount = Math.min(identity.eventLimit(), AdminQueue.MOST_EVENTS);
        wanted =
                NvmeDescriptor.EVENTS_HEALTH
                        | (identity.tellsOfNamespaces() ? NvmeDescriptor.EVENTS_NAMESPACES : 0);
        interrupt = vector <= NO_INTERRUPT ? null : device.interrupt(vector);
        // Now: what happens right after the start is heard, too.
        arm(controller.generation());
        thread = Thread.ofPlatform().daemon().name(device.name() + "-events").start(this::run);
    }

    /** Has it look now. Any thread. */
    void wake() {
        if (interrupt != null) {
            interrupt.wake();
        } else {
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        try {
            while (!closed && !device.isLost() && !controller.isDead()) {
                round();
                if (interrupt == null) {
                    LockSupport.parkNanos(this, LOOK_NANOS);
                } else if (interrupt.await(LOOK_NANOS) && !closed) {
                    LockSupport.parkNanos(this, PAUSE_NANOS);
                }
            }
        } catch (DeviceException | PeerGoneException | IllegalStateException end) {
            // The device is gone, or the service is being closed: the queues tell why.
            if (!closed && !device.isLost()) {
                notices.tell(Notice.HEALTH, "events are not watched any more: " + end.getMessage());
            }
        }
    }

    private void round() {
        long seen = controller.generation();
        arm(seen);
        try {
            long event;
            for (int count = 0;
                    count < eventCount
                            && (event = controller.admin().takeEvent()) != AdminQueue.NO_EVENT;
                    count++) {
                tell((int) event);
            }
            controller.admin().awaitEvents(eventCount);
        } catch (DeviceException failed) {
            // Refused, which costs no more than the event; or not answered: then it is reset.
            notices.tell(Notice.HEALTH, failed.getMessage());
        }
        if (!closed && controller.needsReset() && controller.generation() == seen) {
            controller.reset(seen, "the controller failed");
        }
    }

    /** Has the controller tell of events, once a generation; and awaits as many as may be. */
    private void arm(long seen) {
        try {
            if (seen != generation) {
                generation = seen;
                controller.admin().setFeature(NvmeDescriptor.FEATURE_EVENTS, wanted);
            }
            controller.admin().awaitEvents(eventCount);
        } catch (DeviceException failed) {
            notices.tell(Notice.HEALTH, failed.getMessage());
        }
    }

    private void tell(int event) {
        int type = event & NvmeDescriptor.EVENT_TYPE_MASK;
        int information = event >>> NvmeDescriptor.EVENT_INFORMATION_SHIFT & 0xff;
        int log = event >>> NvmeDescriptor.EVENT_LOG_SHIFT & 0xff;
        if (type == NvmeDescriptor.EVENT_HEALTH) {
            health();
        } else if (type == NvmeDescriptor.EVENT_NOTICE
                && information == NvmeDescriptor.NOTICE_NAMESPACES) {
            namespacesChanged();
        } else {
            controller.admin().log(log, IdentifyDescriptor.LOG_BYTES);
            notices.tell(
                    type == NvmeDescriptor.EVENT_NOTICE ? Notice.CHANGED : Notice.HEALTH,
                    "the controller tells of %s: type %d, information %d, log page %d"
                            .formatted(
                                    type == NvmeDescriptor.EVENT_ERROR
                                            ? "an error of its own or its driver's"
                                            : "an event",
                                    type,
                                    information,
                                    log));
        }
    }

    private void health() {
        IdentifyPage page =
                controller.admin().log(IdentifyDescriptor.LOG_HEALTH, IdentifyDescriptor.LOG_BYTES);
        int warnings = page.u8(IdentifyDescriptor.HEALTH_WARNINGS);
        StringBuilder text = new StringBuilder();
        for (int bit = 0; bit < WARNINGS.length; bit++) {
            if ((warnings & 1 << bit) != 0) {
                text.append(text.isEmpty() ? "" : ", ").append(WARNINGS[bit]);
            }
        }
        notices.tell(
                Notice.HEALTH,
                "%s: %d °C, %d %% spare, %d %% of its life used"
                        .formatted(
                                text.isEmpty() ? "a warning has passed" : text,
                                page.u16(IdentifyDescriptor.HEALTH_KELVIN) - ZERO_CELSIUS_KELVIN,
                                page.u8(IdentifyDescriptor.HEALTH_SPARE),
                                page.u8(IdentifyDescriptor.HEALTH_USED)));
    }

    private void namespacesChanged() {
        IdentifyPage changed =
                controller.admin().log(IdentifyDescriptor.LOG_NAMESPACES, NAMESPACE_LOG_BYTES);
        if (changed.u32(0) == TOO_MANY) {
            namespaces.keySet().forEach(this::look);
            return;
        }
        for (int at = 0; at < NAMESPACE_LOG_BYTES && changed.u32(at) != 0; at += Integer.BYTES) {
            look(changed.u32(at));
        }
    }

    /** Looks at a namespace that has changed: its size may be another, or it may be gone. */
    private void look(int id) {
        Namespace known = namespaces.get(id);
        if (known == null) {
            notices.tell(
                    Notice.CHANGED,
                    "namespace %s is new, or has changed: start the driver again to use it"
                            .formatted(Integer.toUnsignedString(id)));
            return;
        }
        try {
            IdentifyPage page = controller.admin().identify(IdentifyDescriptor.NAMESPACE, id);
            if (page.u64(IdentifyDescriptor.BLOCKS) == 0) {
                known.vanish();
                notices.tell(
                        Notice.CHANGED,
                        "namespace %d is gone: attach it again, and start the driver again"
                                .formatted(id));
            } else if (known.become(device.name(), Namespace.of(device.name(), id, page))) {
                notices.tell(
                        Notice.CHANGED,
                        "namespace %d has %,d bytes now".formatted(id, known.capacityBytes()));
            }
        } catch (DeviceException unusable) {
            known.vanish();
            notices.tell(Notice.CHANGED, unusable.getMessage());
        }
    }

    @Override
    public void close() {
        closed = true;
        wake();
        Waits.forEnd(thread);
        if (interrupt != null) {
            interrupt.close();
        }
    }
}
