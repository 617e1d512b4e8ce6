package dev.outboard.perf.dmaperf;

import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.host.cli.CommandException;
import dev.outboard.iommu.Access;
import dev.outboard.perf.setup.IovaFile;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The device that mappings are made for: obeys the mailbox. While it has nothing to do it is
 * outside DMA sections and asleep, and looks every two milliseconds. One thread; allocates nothing
 * while it obeys.
 */
final class TouchDevice {
    private static final int PAGE_BYTES = 4096;
    private static final long AWAKE_NANOS = TimeUnit.MILLISECONDS.toNanos(15);
    private static final long SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final int BURST_PAGES = 64;

    private final IommuAttachment attachment;
    private final IovaFile file;
    private final DmaWindow window = new DmaWindow();
    private final long[] list = new long[MailboxDescriptor.MOST_BUFFERS];
    private int count;
    private long pages;
    private long mailboxIova;
    private MemorySegment memory;
    private long offset;
    private long resolvedIn = -1;
    private long done;

    TouchDevice(IommuAttachment attachment, IovaFile file) {
        this.attachment = attachment;
        this.file = file;
    }

    /** Obeys until told to end, or the owner is gone. */
    void run() {
        move();
        long lastOrder = System.nanoTime();
        while (true) {
            Order order = look();
            if (order == Order.END) {
                answer(0);
                return;
            }
            if (order != Order.NONE) {
                obey(order);
                lastOrder = System.nanoTime();
            } else if (System.nanoTime() - lastOrder > AWAKE_NANOS) {
                if (attachment.isOwnerGone()) {
                    return;
                }
                LockSupport.parkNanos(SLEEP_NANOS);
            } else {
                Thread.onSpinWait();
            }
        }
    }

    private void move() {
        mailboxIova = file.awaitNext(PATIENCE_NANOS);
        if (mailboxIova < 0) {
            throw new CommandException("the driver named no mailbox in time");
        }
        done = 0;
        resolvedIn = -1;
    }

    /** The next order, and its list; in a section of its own. */
    private Order look() {
        enterMailbox();
        long sequence = Mailbox.getAcquire(memory, offset + MailboxDescriptor.SEQUENCE_OFFSET);
        Order order = Order.NONE;
        if (sequence != done) {
            done = sequence;
            order = Order.of(Mailbox.get(memory, offset + MailboxDescriptor.ORDER_OFFSET));
            count =
                    Math.clamp(
                            Mailbox.get(memory, offset + MailboxDescriptor.COUNT_OFFSET),
                            0,
                            list.length);
            pages = Mailbox.get(memory, offset + MailboxDescriptor.PAGES_OFFSET);
            for (int index = 0; index < count; index++) {
                list[index] =
                        Mailbox.get(
                                memory,
                                offset + MailboxDescriptor.LIST_OFFSET + (long) index * Long.BYTES);
            }
        }
        attachment.exit();
        return order;
    }

    /** Enters, with the mailbox at hand. What was resolved holds within a generation. */
    private void enterMailbox() {
        long generation = attachment.enter();
        if (generation == resolvedIn) {
            return;
        }
        if (!attachment.resolve(
                mailboxIova, MailboxDescriptor.LENGTH_BYTES, Access.READ_WRITE, window)) {
            attachment.exit();
            throw new CommandException(
                    "the mailbox at iova=0x%x is not mapped".formatted(mailboxIova));
        }
        memory = window.memory;
        offset = window.offset;
        resolvedIn = generation;
    }

    private void obey(Order order) {
        switch (order) {
            case TOUCH -> answer(touchAll());
            case BUSY -> {
                answer(0);
                beBusy();
            }
            case TRANSLATE -> {
                var timing = new TranslationTiming(attachment, list[0], (int) pages);
                timing.run();
                enterMailbox();
                Mailbox.set(memory, offset + MailboxDescriptor.HIT_OFFSET, timing.hitPicos());
                Mailbox.set(memory, offset + MailboxDescriptor.MISS_OFFSET, timing.missPicos());
                Mailbox.set(
                        memory, offset + MailboxDescriptor.SECTION_OFFSET, timing.sectionPicos());
                attachment.exit();
                answer(0);
            }
            case MOVE -> {
                answer(0);
                move();
            }
            case NONE, END -> answer(0);
            default -> throw new IllegalStateException("order=" + order);
        }
    }

    private void answer(long refused) {
        enterMailbox();
        Mailbox.set(memory, offset + MailboxDescriptor.REFUSED_OFFSET, refused);
        Mailbox.setRelease(memory, offset + MailboxDescriptor.DONE_OFFSET, done);
        attachment.exit();
    }

    /** Each page of each buffer, as a device does that reads what it was given. */
    private long touchAll() {
        long refused = 0;
        int inBurst = 0;
        attachment.enter();
        for (int index = 0; index < count; index++) {
            for (long page = 0; page < pages; page++) {
                long iova = list[index] + page * PAGE_BYTES;
                refused += attachment.resolve(iova, PAGE_BYTES, Access.READ, window) ? 0 : 1;
                if (++inBurst == BURST_PAGES) {
                    inBurst = 0;
                    attachment.exit();
                    attachment.enter();
                }
            }
        }
        attachment.exit();
        return refused;
    }

    /** Bursts, one after the other, until there is another order. */
    private void beBusy() {
        boolean isOrdered = false;
        while (!isOrdered) {
            touchAll();
            enterMailbox();
            isOrdered =
                    Mailbox.getAcquire(memory, offset + MailboxDescriptor.SEQUENCE_OFFSET) != done;
            attachment.exit();
        }
    }
}
