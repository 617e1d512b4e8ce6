package dev.outboard.uio.vfiouser;

import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A request of a client, copied: nobody changes it any more.
 *
 * @param passed descriptors that came with it; who serves it closes them
 */
record Request(int id, int command, int flags, MemorySegment payload, List<Descriptor> passed) {
    boolean wantsReply() {
        return (flags & VfioUserDescriptor.FLAG_NO_REPLY) == 0;
    }

    void close() {
        passed.forEach(Descriptor::close);
    }

    /**
     * A payload of so many bytes at least.
     *
     * @throws VfioUserException if it is shorter
     */
    static MemorySegment need(MemorySegment payload, int length) {
        if (payload.byteSize() < length) {
            throw new VfioUserException("too short", VfioUserSession.EINVAL);
        }
        return payload;
    }

    /** The third word of a payload: the number of a region, or of a kind of interrupt. */
    static int index(MemorySegment payload, int least, int end) {
        need(payload, least);
        int index = payload.get(VfioUserDescriptor.U32, 8);
        if (index < 0 || index >= end) {
            throw new VfioUserException("there is no number " + index, VfioUserSession.EINVAL);
        }
        return index;
    }
}
