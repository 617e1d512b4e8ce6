package dev.outboard.edu;

import dev.outboard.dma.DomainStatistics;
import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Service;
import dev.outboard.uio.Registers;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Has the device reach for memory that nobody gave it, as a driver gone mad would: the registers
 * are written past the mapping service. With an IOMMU before it, both accesses are stopped and told
 * of, and the run is right only then.
 *
 * <p>The driver's thread; it leaves the device idle.
 */
public final class EduStray implements Client {
    private static final long STRAY_IOVA = 0x0dea_0000L;
    private static final int LENGTH_BYTES = 64;
    private static final int START = 1;
    private static final int TO_MEMORY = 2;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long UNASKED_NANOS = TimeUnit.SECONDS.toNanos(3);
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    /** For the service loader. */
    public EduStray() {}

    @Override
    public String name() {
        return "edu-stray";
    }

    @Override
    public String help() {
        return "reads and writes IOVA that nobody mapped, which an IOMMU must stop: iova=N,"
                + " 0xdea0000 without; anyway=1 also where nobody can be asked whether it did";
    }

    @Override
    public Class<EduService> service() {
        return EduService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        DomainStatistics before = context.translation();
        if (before == null && context.option("anyway", 0) == 0) {
            throw new IllegalArgumentException(
                    "nothing that could be asked stands before the device to stop it: take"
                            + " --strategy strict, or anyway=1 where you know of something, as of"
                            + " VFIO");
        }
        long iova = context.option("iova", STRAY_IOVA);
        Registers registers = context.device().registers(0);
        context.ready();
        copy(registers, iova, EduDescriptor.DEVICE_BUFFER, START);
        copy(registers, EduDescriptor.DEVICE_BUFFER, iova, START | TO_MEMORY);
        if (before == null) {
            // The run's own count of faults says what was told meanwhile.
            LockSupport.parkNanos(UNASKED_NANOS);
            return;
        }
        long told = awaitFaults(context, before.faultsDelivered() + 2) - before.faultsDelivered();
        context.result("stopped", told);
        context.result(ClientContext.VERIFIED, told >= 2);
    }

    private static void copy(Registers registers, long source, long target, int command) {
        registers.putLong(EduDescriptor.SOURCE, source);
        registers.putLong(EduDescriptor.TARGET, target);
        registers.putLong(EduDescriptor.LENGTH, LENGTH_BYTES);
        registers.putLong(EduDescriptor.COMMAND, command);
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while ((registers.getLong(EduDescriptor.COMMAND) & START) != 0) {
            if (System.nanoTime() - deadline > 0) {
                throw new DeviceException("the device does not end its copy");
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** The kernel tells of them soon, but not at once. */
    private static long awaitFaults(ClientContext context, long wanted) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        long told = context.translation().faultsDelivered();
        while (told < wanted && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(LOOK_NANOS);
            told = context.translation().faultsDelivered();
        }
        return told;
    }
}
