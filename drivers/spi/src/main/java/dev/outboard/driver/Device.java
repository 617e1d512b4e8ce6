package dev.outboard.driver;

import dev.outboard.dma.Dma;
import dev.outboard.dma.pool.PagePool;
import dev.outboard.uio.Interrupt;
import dev.outboard.uio.InterruptLine;
import dev.outboard.uio.Registers;
import dev.outboard.uio.WaitPolicy;
import java.util.function.BooleanSupplier;

/**
 * A device as its driver sees it: registers or queues, interrupts, and memory it may reach.
 *
 * <p>The host owns the device, opens it before {@link Driver#start} and closes it after {@link
 * Service#close}; closing masks its interrupts, revokes its mappings and resets it, and so does the
 * death of the process. Methods are for the thread that starts the driver, but for {@link #isLost},
 * {@link #openDma} and {@link #pages}.
 */
public interface Device {
    /** The name it was claimed by, unique within its owner, as {@code nic0}. */
    String name();

    /** What the bus can tell of it. */
    DeviceId id();

    /** The mapping service: the only way to an address that the device understands. */
    Dma dma();

    /**
     * A further mapping service of the same I/O address space, for a queue that another thread
     * owns: a service is one thread's. The driver closes it, when that thread has left it.
     *
     * @throws DeviceException where there is one service and no other
     * @throws IllegalStateException where there are as many as the I/O address space allows: {@link
     *     #queueLimit} are always to be had, the first among them
     */
    default Dma openDma() {
        throw new DeviceException("device " + name() + " has one mapping service: use one queue");
    }

    /** The most queues that the host wants the driver to use, each on a thread of its own. */
    default int queueLimit() {
        return 1;
    }

    /**
     * What the client takes of frames that the device leaves unfinished: {@link
     * Client#receiveOffloads}. A driver accepts nothing of the kind that is not asked for.
     */
    default int receiveOffloads() {
        return 0;
    }

    /**
     * Whether the host has each queue's thread look for work and never sleep: a queue that can be
     * made without an interrupt is, which spares the device the signal of each batch.
     */
    default boolean isPolled() {
        return false;
    }

    /**
     * How the host wants threads to idle: for a client that waits for other things together with
     * the device's queues ({@link IdleWait}). What a queue waits for alone follows it already.
     */
    default WaitPolicy waiting() {
        return isPolled() ? WaitPolicy.SPIN : WaitPolicy.DEFAULT;
    }

    /**
     * Pages of the driver's memory for paths that may not block, as a queue's: made when first
     * asked for, with a thread that refills it, and closed with the device. A thread opens a taker
     * of its own. Any thread.
     */
    PagePool pages();

    /**
     * A register region, as a BAR.
     *
     * @throws DeviceException where the device has none, or not this one
     */
    Registers registers(int region);

    /**
     * The queues of a device that is a set of queues.
     *
     * @throws DeviceException where the device has registers only
     */
    QueueTransport queues();

    /**
     * Claims an interrupt vector that has a mask of its own.
     *
     * @param hasWork a cheap look that finds work without the interrupt, used while a wait spins;
     *     must not allocate
     * @throws DeviceException where there is none of this number
     */
    Interrupt interrupt(int vector, BooleanSupplier hasWork);

    /**
     * Claims a vector that the driver masks by other means than the vector's own, as by a register
     * of the device. Where the vector has a mask too, as an INTx line, both apply.
     *
     * @throws DeviceException where there is none of this number
     */
    default Interrupt interrupt(int vector, InterruptLine line) {
        throw new DeviceException("device " + name() + " has no vectors that its driver masks");
    }

    /** How many interrupt vectors there are; 0 where the device has queues only. */
    default int vectors() {
        return 0;
    }

    /** The same where only the interrupt tells of work. */
    default Interrupt interrupt(int vector) {
        return interrupt(vector, () -> false);
    }

    /**
     * Whether the device went away: its process died, it closed the connection, it was unplugged.
     * Any thread; a volatile read. Every interrupt of a lost device is woken.
     */
    boolean isLost();

    /** Throws when the device went away. Any thread. */
    default void checkPresent() {
        if (isLost()) {
            throw new DeviceLostException(name());
        }
    }
}
