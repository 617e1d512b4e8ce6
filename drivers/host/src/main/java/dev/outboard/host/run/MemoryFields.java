package dev.outboard.host.run;

import dev.outboard.dma.PhysicalMemory;
import dev.outboard.iommu.IoPage;
import java.util.LinkedHashMap;
import java.util.Map;

/** Physical memory as machines are told of it. Stateless; any thread. */
final class MemoryFields {
    private MemoryFields() {}

    /** What there is at this moment, or near it: the parts are asked one after the other. */
    static Map<String, Object> of(PhysicalMemory memory) {
        var fields = new LinkedHashMap<String, Object>();
        long frames = memory.lengthBytes() >>> IoPage.SHIFT;
        long held = memory.heldBytes() >>> IoPage.SHIFT;
        long free = memory.freeBytes() >>> IoPage.SHIFT;
        fields.put("frames", frames);
        fields.put("allocatedFrames", Math.max(0, frames - free - held));
        fields.put("freeFrames", free);
        fields.put("heldFrames", held);
        fields.put(
                "segments",
                memory.segments().stream()
                        .map(
                                segment -> {
                                    var one = new LinkedHashMap<String, Object>();
                                    one.put(
                                            "address",
                                            "0x" + Long.toHexString(segment.physicalAddress()));
                                    one.put("lengthBytes", segment.lengthBytes());
                                    return one;
                                })
                        .toList());
        return fields;
    }
}
