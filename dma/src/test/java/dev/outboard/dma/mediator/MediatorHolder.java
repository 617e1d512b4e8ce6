package dev.outboard.dma.mediator;

import dev.outboard.dma.DmaWindow;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.Holder;
import dev.outboard.dma.IommuAttachment;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.Access;
import dev.outboard.uio.Resources;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;

/** The mediator, with one more client whose memory is granted, and revoked though it is mapped. */
public final class MediatorHolder implements Holder {
    private final Resources owned = new Resources();
    private final DmaWindow window = new DmaWindow();
    private final MediatorClient lender;
    private final PhysicalMemory lent;
    private final PhysicalMemory memory;
    private final IommuDomain domain;
    private final IommuAttachment device;
    private MemoryGrant grant;

    public MediatorHolder(Path directory, DomainOptions options, long lengthBytes) {
        Rig rig = owned.add(new Rig(directory));
        lender = owned.add(rig.client("lender"));
        lent = owned.add(lender.memory(LENT_BYTES));
        MediatorClient client = owned.add(rig.client("driver"));
        memory = owned.add(client.memory(lengthBytes));
        domain = owned.add(client.claim("nic0", memory, options));
        device = owned.add(rig.device("nic0"));
        if (!domain.awaitAttached(Rig.TIMEOUT_NANOS)) {
            throw new AssertionError("the device did not attach");
        }
    }

    @Override
    public IommuDomain domain() {
        return domain;
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public void settle() {
        device.receive();
    }

    @Override
    public long reach(long iova, int access) {
        device.enter();
        boolean granted = device.resolve(iova, 1, access, window);
        device.exit();
        if (!granted) {
            return -1;
        }
        boolean isLent = window.memory.byteSize() == LENT_BYTES;
        return address(isLent ? lent : memory) + window.offset;
    }

    private static long address(PhysicalMemory of) {
        return of.segments().getFirst().physicalAddress();
    }

    @Override
    public long lend() {
        meanwhile(() -> grant = lender.grant("nic0", address(lent), LENT_BYTES, Access.READ_WRITE));
        await(() -> memory.contains(address(lent), LENT_BYTES));
        return address(lent);
    }

    @Override
    public void takeBack() {
        meanwhile(grant::close);
        await(() -> !memory.contains(address(lent), LENT_BYTES));
    }

    /** Another thread asks, since the device has its part in it, which is this thread's. */
    private void meanwhile(Runnable asks) {
        CompletableFuture<Void> asked = CompletableFuture.runAsync(asks);
        await(asked::isDone);
        asked.join();
    }

    private void await(BooleanSupplier condition) {
        Rig.await(
                "the memory to come or go",
                () -> {
                    device.receive();
                    return condition.getAsBoolean();
                });
    }

    @Override
    public boolean revokes() {
        return true;
    }

    @Override
    public void close() {
        owned.close();
    }
}
