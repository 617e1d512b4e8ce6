package dev.outboard.edu;

import dev.outboard.driver.Client;
import dev.outboard.driver.ClientContext;
import dev.outboard.driver.Service;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;

/** Tries everything the teaching device can do, and checks the answers. */
public final class EduCheck implements Client {
    private static final int MOST_FACTORIAL = 12;

    /** For the service loader. */
    public EduCheck() {}

    @Override
    public String name() {
        return "edu-check";
    }

    @Override
    public String help() {
        return "factorials to 12!, and copies there and back: rounds=N, 1 without";
    }

    @Override
    public Class<EduService> service() {
        return EduService.class;
    }

    @Override
    public void run(Service service, ClientContext context) {
        EduService edu = (EduService) service;
        long rounds = context.option("rounds", 1);
        Random random = new Random(1);
        boolean isRight = true;
        context.ready();
        long done = 0;
        while (done < rounds && !context.isStopping()) {
            isRight &= factorials(edu) && copies(edu, random);
            done++;
        }
        context.result("rounds", done);
        context.result(ClientContext.VERIFIED, isRight);
    }

    private static boolean factorials(EduService edu) {
        boolean isRight = true;
        int expected = 1;
        for (int number = 1; number <= MOST_FACTORIAL; number++) {
            expected *= number;
            isRight &= edu.factorial(number) == expected;
        }
        return isRight;
    }

    private static boolean copies(EduService edu, Random random) {
        byte[] bytes = new byte[EduService.CAPACITY_BYTES];
        random.nextBytes(bytes);
        byte[] back = new byte[bytes.length];
        edu.store(MemorySegment.ofArray(bytes));
        edu.load(MemorySegment.ofArray(back));
        return Arrays.equals(bytes, back);
    }
}
