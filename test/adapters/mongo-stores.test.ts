import {storesContract} from '../contracts/stores.contract.ts';
import {MongoStoresHarness} from '../support/mongo-stores-harness.ts';
import {requireServices} from '../support/services.ts';

const {test, urls} = await requireServices('mongodb');

storesContract(test, new MongoStoresHarness(urls.mongodb));
