package dev.outboard.dma.mediator;

import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.Access;
import dev.outboard.uio.ProcessControl;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A client of a mediator, in a process of its own, that grants a page when it is told to. */
final class GranterProcess {
    /** What stands in the page. */
    static final int MARK = 0x6772616e;

    private GranterProcess() {}

    /** Arguments: where the mediator listens. */
    public static void main(String[] arguments) throws IOException {
        ProcessControl.dieWithParent();
        try (MediatorClient client =
                        MediatorClient.connect(
                                Path.of(arguments[0]), "granter", Rig.TIMEOUT_NANOS);
                PhysicalMemory memory = client.memory(1 << 20);
                BufferedReader orders =
                        new BufferedReader(
                                new InputStreamReader(System.in, StandardCharsets.US_ASCII))) {
            System.out.println("ready");
            MemoryGrant grant = null;
            for (String order = orders.readLine(); order != null; order = orders.readLine()) {
                if (order.equals("grant")) {
                    DmaMemory page = memory.allocate(4096);
                    page.memory().set(ValueLayout.JAVA_INT, 0, MARK);
                    grant = client.grant("nic0", page.physicalAddress(), 4096, Access.READ);
                    System.out.println(page.physicalAddress());
                } else if (grant != null) {
                    grant.close();
                    System.out.println("ended");
                }
            }
        }
    }
}
