package dev.outboard.e1000e;

import dev.outboard.driver.Device;
import dev.outboard.driver.Notice;
import dev.outboard.driver.net.LinkListener;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Waits;

/**
 * The thread that hears of what is no ring's: the link. Where all causes share one vector, it hears
 * of all, and wakes whoever waits for a ring.
 */
final class CauseThread implements InterruptLine, AutoCloseable {
    private final Device device;
    private final Controller controller;
    private final Registers registers;
    private final ControllerRing fill;
    private final ControllerRing send;

    /** What wakes the waiters of the rings; null where they have vectors of their own. */
    private final EventDescriptor filled;

    private final EventDescriptor sent;
    private final Interrupt interrupt;
    private final Thread thread;
    private volatile LinkListener listener;
    private volatile boolean isEnding;
    private volatile boolean isUp;

    CauseThread(
            Device device,
            Controller controller,
            ControllerRing fill,
            ControllerRing send,
            EventDescriptor filled,
            EventDescriptor sent) {
        this.device = device;
        this.controller = controller;
        this.fill = fill;
        this.send = send;
        this.filled = filled;
        this.sent = sent;
        registers = controller.registers();
        isUp = controller.isLinkUp();
        int vector = controller.hasVectors() ? E1000e.OTHER_VECTOR : 0;
        interrupt = device.interrupt(vector, this);
        controller.onRestart(interrupt::wake);
        thread = Thread.ofPlatform().daemon().name(device.name() + " link").unstarted(this::listen);
    }

    void start() {
        thread.start();
    }

    boolean isUp() {
        return isUp;
    }

    void onLink(LinkListener wanted) {
        listener = wanted;
    }

    private void listen() {
        while (!isEnding && !device.isLost()) {
            // Also after a wake: a restart has masked the cause, and the link may have changed.
            interrupt.await(-1);
            if (!isEnding && !device.isLost()) {
                serve();
            }
        }
    }

    private void serve() {
        int causes = registers.getInt(E1000eDescriptor.CAUSES);
        if (controller.hasVectors()) {
            // With vectors of their own, causes are taken back by writing them (10.2.4.1).
            registers.putInt(
                    E1000eDescriptor.CAUSES,
                    E1000eDescriptor.CAUSE_OTHER | E1000eDescriptor.CAUSE_LINK);
        } else {
            wake(causes, fill, filled);
            wake(causes, send, sent);
        }
        boolean now = controller.isLinkUp();
        if (now != isUp) {
            isUp = now;
            tell(now);
        }
    }

    private static void wake(int causes, ControllerRing ring, EventDescriptor event) {
        if ((causes & ring.cause()) != 0) {
            event.signal();
        }
    }

    private void tell(boolean now) {
        LinkListener told = listener;
        if (told != null) {
            told.onLink(now);
        }
        controller.tell(
                new Notice(
                        Notice.LINK,
                        "the link of device %s went %s%s"
                                .formatted(
                                        device.name(),
                                        now ? "up" : "down",
                                        now ? "" : ": look at its cable, or its peer")));
    }

    @Override
    public boolean unmask() {
        registers.putInt(
                E1000eDescriptor.MASK_SET,
                controller.hasVectors()
                        ? E1000eDescriptor.CAUSE_OTHER | E1000eDescriptor.CAUSE_LINK
                        : E1000eDescriptor.CAUSE_LINK);
        return false;
    }

    /** A cause that comes while nobody waits stays in its event. */
    @Override
    public void mask() {
        if (!device.isLost()) {
            registers.putInt(E1000eDescriptor.MASK_CLEAR, E1000eDescriptor.CAUSE_LINK);
        }
    }

    @Override
    public boolean isPending() {
        return false;
    }

    @Override
    public boolean tellsOfWork() {
        return false;
    }

    @Override
    public void close() {
        isEnding = true;
        interrupt.wake();
        if (thread.getState() != Thread.State.NEW) {
            Waits.forEnd(thread);
        }
        interrupt.close();
    }
}
