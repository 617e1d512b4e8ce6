package dev.outboard.dma;

import dev.outboard.iommu.Fault;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Tells of a domain's faults whoever wants to know, and counts them.
 *
 * <p>For who implements an {@link IommuDomain}, which owns it. One thread delivers; any may change
 * who is told, and read the count.
 */
public final class FaultDelivery {
    private static final System.Logger LOG = System.getLogger(IommuDomain.class.getName());

    private final AtomicLong delivered = new AtomicLong();
    private volatile Consumer<Fault> consumer = fault -> {};
    private boolean failed;

    /** To nobody yet. */
    public FaultDelivery() {}

    /** Who is told from now on, in place of who was told before. */
    public void to(Consumer<Fault> next) {
        consumer = Objects.requireNonNull(next, "consumer");
    }

    /**
     * Tells of one fault. A consumer's defect may not end the thread that delivers, on which every
     * device depends.
     */
    public void deliver(Fault fault) {
        delivered.incrementAndGet();
        try {
            consumer.accept(fault);
        } catch (RuntimeException failure) {
            // Told once: a device that faults all the time shall not fill a disk.
            if (!failed) {
                failed = true;
                LOG.log(
                        System.Logger.Level.WARNING,
                        "a fault consumer failed, which is told once: " + fault,
                        failure);
            }
        }
    }

    /** How many faults were told of. */
    public long delivered() {
        return delivered.get();
    }
}
