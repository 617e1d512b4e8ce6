package dev.outboard.perf.dmaperf;

import dev.outboard.dma.CoherentMemory;
import dev.outboard.dma.Dma;
import dev.outboard.host.cli.CommandException;
import dev.outboard.perf.setup.IovaFile;
import java.util.concurrent.TimeUnit;

/** The driver's side of the mailbox. The thread of the service. */
final class DeviceOrders implements AutoCloseable {
    private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int SPINS = 2_000;

    private final CoherentMemory memory;
    private long sequence;

    /** Takes a mailbox, and tells the device where. */
    DeviceOrders(Dma dma, IovaFile file) {
        memory = dma.allocateCoherent(MailboxDescriptor.LENGTH_BYTES);
        file.publish(memory.iova());
    }

    /** Puts a buffer into the list. */
    void list(int index, long iova) {
        Mailbox.set(
                memory.memory(), MailboxDescriptor.LIST_OFFSET + (long) index * Long.BYTES, iova);
    }

    /**
     * Orders, and waits until it is done.
     *
     * @return pages refused
     */
    long order(Order order, int count, int pages) {
        var words = memory.memory();
        Mailbox.set(words, MailboxDescriptor.ORDER_OFFSET, order.ordinal());
        Mailbox.set(words, MailboxDescriptor.COUNT_OFFSET, count);
        Mailbox.set(words, MailboxDescriptor.PAGES_OFFSET, pages);
        sequence++;
        Mailbox.setRelease(words, MailboxDescriptor.SEQUENCE_OFFSET, sequence);
        long deadline = System.nanoTime() + LIMIT_NANOS;
        for (int look = 0;
                Mailbox.getAcquire(words, MailboxDescriptor.DONE_OFFSET) != sequence;
                look++) {
            if (look < SPINS) {
                Thread.onSpinWait();
            } else if (System.nanoTime() - deadline < 0) {
                Thread.yield();
            } else {
                throw new CommandException("the device did not do " + order + " in time");
            }
        }
        return Mailbox.get(words, MailboxDescriptor.REFUSED_OFFSET);
    }

    /** A figure that the device left, in nanoseconds. */
    double nanos(int offset) {
        return Mailbox.get(memory.memory(), offset) / 1e3;
    }

    /** The device lets go of the mailbox, and looks for another or ends. */
    @Override
    public void close() {
        memory.close();
    }
}
