package dev.outboard.e1000e;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.driver.Device;
import dev.outboard.frames.FrameRing;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;

/** What both rings share: their registers, their memory, their interrupt. One thread. */
abstract sealed class ControllerRing implements FrameRing, InterruptLine
        permits FillRing, SendRing {
    private final Device device;
    private final Controller controller;
    private final Registers registers;
    private final CoherentMemory memory;
    private final int base;
    private final int cause;
    private Interrupt interrupt;
    private long generation;
    private long doorbells;

    ControllerRing(
            Device device, Controller controller, CoherentMemory memory, int base, int cause) {
        this.device = device;
        this.controller = controller;
        this.memory = memory;
        this.base = base;
        this.cause = cause;
        registers = controller.registers();
        generation = controller.generation();
    }

    final Controller controller() {
        return controller;
    }

    /** The causes that are this ring's. */
    final int cause() {
        return cause;
    }

    /** How its interrupt comes: a vector of its own, or an event that a thread signals. */
    final void claim(Interrupt claimed) {
        interrupt = claimed;
        // Whoever waits looks, and finds the ring unknown to the controller.
        controller.onRestart(claimed::wake);
    }

    @Override
    public final void start() {
        startRing();
        publish();
    }

    final void startRing() {
        controller.startRing(base, memory.iova(), (int) memory.lengthBytes());
    }

    /** Tells the device how far it may go; one register write. */
    final void ring(int tail) {
        doorbells++;
        registers.putInt(base + E1000eDescriptor.RING_TAIL, tail);
    }

    final void checkGeneration() {
        if (generation != controller.generation()) {
            generation = controller.generation();
            retell();
        }
    }

    /** The controller was reset since the ring was started. */
    abstract void retell();

    /** Whether something has come back; a look at memory. */
    abstract boolean isReady();

    @Override
    public final boolean await(long timeoutNanos) {
        device.checkPresent();
        checkGeneration();
        boolean signalled = interrupt.await(timeoutNanos);
        device.checkPresent();
        return signalled || isRestarted();
    }

    /** Whether the controller had forgotten the ring, and was told of it again. */
    private boolean isRestarted() {
        if (!controller.hasForgotten(base)) {
            return false;
        }
        controller.restart(generation);
        checkGeneration();
        return true;
    }

    @Override
    public final Descriptor descriptor() {
        return interrupt.descriptor();
    }

    @Override
    public final boolean arm() {
        device.checkPresent();
        checkGeneration();
        return interrupt.arm();
    }

    @Override
    public final void disarm() {
        boolean signalled = interrupt.acknowledge();
        device.checkPresent();
        if (!signalled) {
            isRestarted();
        }
    }

    @Override
    public final void wake() {
        interrupt.wake();
    }

    @Override
    public final boolean isPending() {
        return isReady();
    }

    /**
     * Asks for the cause. If it came while it was masked, the device signals at once: nothing is
     * missed, and the second look only saves the sleep.
     */
    @Override
    public final boolean unmask() {
        registers.putInt(E1000eDescriptor.MASK_SET, cause);
        return isReady();
    }

    @Override
    public final void mask() {
        if (!device.isLost()) {
            registers.putInt(E1000eDescriptor.MASK_CLEAR, cause);
        }
    }

    @Override
    public final long interrupts() {
        return interrupt.count();
    }

    @Override
    public final long doorbells() {
        return doorbells;
    }

    /** The whole controller rests: one ring of it cannot be known to. */
    @Override
    public final void close() {
        controller.quiesce();
        if (interrupt != null) {
            interrupt.close();
        }
        memory.close();
    }
}
