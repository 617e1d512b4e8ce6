package dev.outboard.dma.mediator;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.DomainOptions;
import dev.outboard.dma.IommuDomain;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.Strategy;
import dev.outboard.dma.Unplug;
import dev.outboard.uio.ProcessControl;
import java.nio.file.Path;
import java.util.Random;

/** A client of a mediator, in a process of its own, that plugs and unplugs until it is killed. */
final class PluggerProcess {
    private PluggerProcess() {}

    /** Arguments: where the mediator listens. */
    public static void main(String[] arguments) {
        ProcessControl.dieWithParent();
        Random random = new Random();
        try (MediatorClient client =
                        MediatorClient.connect(
                                Path.of(arguments[0]), "plugger", Rig.TIMEOUT_NANOS);
                PhysicalMemory memory = client.memory(1 << 20);
                IommuDomain domain = client.claim("nic0", memory, DomainOptions.DEFAULT);
                Dma dma = domain.dma(Strategy.STRICT)) {
            domain.awaitAttached(Rig.TIMEOUT_NANOS);
            for (long round = 0; ; round++) {
                PhysicalSegment segment = memory.plug(20 << 20, PageKind.BASE);
                long physical = segment.physicalAddress();
                long iova = dma.map(physical, 64 << 12, DmaDirection.BIDIRECTIONAL);
                memory.unplug(physical + (100 << 12), 50 << 12, Unplug.REFUSE);
                boolean unmaps = random.nextBoolean();
                if (unmaps) {
                    dma.unmap(iova, 64 << 12);
                }
                memory.unplug(physical, 100 << 12, unmaps ? Unplug.REFUSE : Unplug.FORCE);
                long rest = segment.lengthBytes() - (150 << 12);
                memory.unplug(physical + (150 << 12), rest, Unplug.REFUSE);
                if (!unmaps) {
                    dma.unmap(iova, 64 << 12);
                }
                if (round == 0) {
                    System.out.println("ready");
                }
            }
        }
    }
}
