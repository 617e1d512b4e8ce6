package dev.outboard.host.run;

import dev.outboard.dma.PageKind;
import dev.outboard.driver.Client;
import dev.outboard.driver.Driver;
import dev.outboard.host.bus.DeviceAddress;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.uio.WaitPolicy;
import java.util.Map;

/**
 * What a host was asked to do, checked.
 *
 * @param driver what drives
 * @param device what is driven
 * @param protection how DMA is protected, and by whom
 * @param memoryBytes physical memory for the driver
 * @param pages what that memory is made of
 * @param queueEntries the most entries of a queue
 * @param rings which rings a device of queues gets
 * @param queues the most queues of the driver at once
 * @param waiting how interrupts wait
 * @param client what uses the driver, or null
 * @param clientOptions what the client is told
 * @param dmaDebug whether mistakes in the use of DMA are looked for
 */
record HostPlan(
        Driver driver,
        DeviceAddress device,
        Protection protection,
        long memoryBytes,
        PageKind pages,
        int queueEntries,
        RingChoice rings,
        int queues,
        WaitPolicy waiting,
        Client client,
        Map<String, String> clientOptions,
        boolean dmaDebug) {}
