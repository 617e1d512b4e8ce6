package dev.outboard.models.nvme;

import dev.outboard.models.shape.NvmeShape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The rings that the controller has, by number; 0 is the admin's. The loop's thread. */
final class Queues {
    private static final int CONTIGUOUS = 1;
    private static final int INTERRUPTS = 1 << 1;
    private static final int PAGE_MASK = NvmeDescriptor.PAGE_BYTES - 1;
    private static final SubmissionQueue[] NONE = {};

    private final NvmeController controller;
    private final NvmeShape shape;
    private final MemorySegment doorbells;
    private final SubmissionQueue[] submissions;
    private final CompletionQueue[] completions;

    /** Those that there are, in turn. */
    private SubmissionQueue[] active = NONE;

    Queues(NvmeController controller, NvmeShape shape, MemorySegment doorbells) {
        this.controller = controller;
        this.shape = shape;
        this.doorbells = doorbells;
        submissions = new SubmissionQueue[shape.queues() + 1];
        completions = new CompletionQueue[shape.queues() + 1];
    }

    SubmissionQueue[] active() {
        return active;
    }

    /** The ring of completions of a number, or null. */
    CompletionQueue completions(int id) {
        return completions[id];
    }

    int count() {
        return completions.length;
    }

    private Doorbell doorbell(int queue, boolean isHead, int entries) {
        long at = (long) queue * NvmeDescriptor.DOORBELL_PAIR_BYTES;
        return new Doorbell(doorbells, isHead ? at + Integer.BYTES : at, entries);
    }

    /** The admin queue. */
    void createAdmin(
            long submissionsIova, int submissionEntries, long completionsIova, int entries) {
        completions[0] =
                new CompletionQueue(0, completionsIova, entries, 0, doorbell(0, true, entries));
        completions[0].users = 1;
        submissions[0] =
                new SubmissionQueue(
                        0,
                        submissionsIova,
                        submissionEntries,
                        completions[0],
                        doorbell(0, false, submissionEntries));
        activate();
    }

    private int check(long iova, int id, int entries, int flags) {
        if (id == 0 || id > shape.queues()) {
            return NvmeStatus.INVALID_QUEUE_ID;
        }
        if (entries < 2 || entries > shape.entries()) {
            return NvmeStatus.INVALID_QUEUE_SIZE;
        }
        if ((flags & CONTIGUOUS) == 0) {
            return NvmeStatus.INVALID_FIELD;
        }
        return (iova & PAGE_MASK) != 0 ? NvmeStatus.INVALID_PRP_OFFSET : NvmeStatus.OK;
    }

    /** Makes a ring of completions; a status. */
    int createCompletions(long iova, int word10, int word11) {
        int id = word10 & 0xffff;
        int entries = (word10 >>> Short.SIZE) + 1;
        int status = check(iova, id, entries, word11);
        if (status != NvmeStatus.OK) {
            return status;
        }
        if (completions[id] != null) {
            return NvmeStatus.INVALID_QUEUE_ID;
        }
        boolean interrupts = (word11 & INTERRUPTS) != 0;
        int vector = word11 >>> Short.SIZE;
        if (vector >= shape.vectors()) {
            return NvmeStatus.INVALID_VECTOR;
        }
        completions[id] =
                new CompletionQueue(
                        id, iova, entries, interrupts ? vector : -1, doorbell(id, true, entries));
        return NvmeStatus.OK;
    }

    /** Makes a ring of commands; a status. */
    int createSubmissions(long iova, int word10, int word11) {
        int id = word10 & 0xffff;
        int entries = (word10 >>> Short.SIZE) + 1;
        int status = check(iova, id, entries, word11);
        if (status != NvmeStatus.OK) {
            return status;
        }
        if (submissions[id] != null) {
            return NvmeStatus.INVALID_QUEUE_ID;
        }
        int completionId = word11 >>> Short.SIZE;
        if (completionId == 0 || completionId > shape.queues()) {
            return NvmeStatus.INVALID_QUEUE_ID;
        }
        CompletionQueue ring = completions[completionId];
        if (ring == null) {
            return NvmeStatus.INVALID_COMPLETION_QUEUE;
        }
        submissions[id] =
                new SubmissionQueue(id, iova, entries, ring, doorbell(id, false, entries));
        ring.users++;
        activate();
        return NvmeStatus.OK;
    }

    /** Forgets a ring of commands, and what was fetched from it; a status. */
    int deleteSubmissions(int id) {
        if (id == 0 || id > shape.queues() || submissions[id] == null) {
            return NvmeStatus.INVALID_QUEUE_ID;
        }
        controller.forget(submissions[id]);
        submissions[id].completions.users--;
        submissions[id] = null;
        activate();
        return NvmeStatus.OK;
    }

    /** Forgets a ring of completions; a status. */
    int deleteCompletions(int id) {
        if (id == 0 || id > shape.queues() || completions[id] == null) {
            return NvmeStatus.INVALID_QUEUE_ID;
        }
        if (completions[id].users > 0) {
            return NvmeStatus.INVALID_QUEUE_DELETION;
        }
        completions[id] = null;
        return NvmeStatus.OK;
    }

    private void activate() {
        int count = 0;
        for (SubmissionQueue queue : submissions) {
            count += queue == null ? 0 : 1;
        }
        SubmissionQueue[] there = new SubmissionQueue[count];
        int at = 0;
        for (SubmissionQueue queue : submissions) {
            if (queue != null) {
                there[at++] = queue;
            }
        }
        active = there;
    }

    /** Forgets all of them. */
    void clear() {
        Arrays.fill(submissions, null);
        Arrays.fill(completions, null);
        active = NONE;
    }
}
